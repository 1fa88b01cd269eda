// Live pages: fragments from HTML sockets, what to do when a run's status changes, and when the connection is lost.
//
// htmx swaps a fragment's top elements by id. This file keeps away those that have no place on this page, fetches the
// page again for what fragments do not carry (elements with `data-refresh`), and polls while the socket is away.
"use strict";

(() => {
  const LOST_AFTER = 3000;
  const POLL_EVERY = 5000;
  const REFRESH_GAP = 1500;
  const PART_GAP = 2000;
  const FINAL = new Set(["completed", "failed", "cancelled"]);
  const HTMX_RECONNECTS = new Set([1006, 1011, 1012, 1013]);

  const sockets = new Map(); // element -> {open, everLost, timer}
  const runs = new Map(); // run id -> {status, quarter}
  const tried = new Map(); // run id that this page does not show -> its status when we last looked
  const heard = new Set(); // runs that have sent something since the sockets opened
  let asOf = new Date();
  let stopped = false;
  let leaving = false;
  let pollTimer = null;
  let refreshTimer = null;
  let refreshing = null;
  let lastRefresh = 0;

  const $ = (id) => document.getElementById(id);

  // --- Fragments ------------------------------------------------------------------------------------------------

  const targetOf = (element) => {
    const oob = element.getAttribute("hx-swap-oob") || "true";
    const at = oob.indexOf(":#");
    return $(at < 0 ? element.id : oob.slice(at + 2));
  };

  const isOlder = (element, target) =>
    Number(element.dataset.seq || 0) < Number(target.dataset.seq || 0) && element.dataset.run === target.dataset.run;

  const belongs = (element) => {
    const target = targetOf(element);
    if (element.dataset.run) heard.add(element.dataset.run);
    if (!target) {
      if (element.dataset.status) unknownRun(element.dataset.run, element.dataset.status);
      return false;
    }
    const event = element.querySelector("[data-event]");
    // The newest stands first: what is not newer is there already, or made room for newer ones.
    const newest = event && target.querySelector("[data-event]");
    if (newest && Number(event.dataset.event) <= Number(newest.dataset.event)) return false;
    return !isOlder(element, target);
  };

  const unknownRun = (id, status) => {
    if (!document.querySelector("[data-refresh-new]") || tried.get(id) === status) return;
    tried.set(id, status);
    refreshSoon();
  };

  htmx.defineExtension("present-targets", {
    transformResponse: (text, xhr) => {
      if (xhr) return text;
      const template = document.createElement("template");
      template.innerHTML = text;
      for (const element of [...template.content.children]) {
        if (!belongs(element)) element.remove();
      }
      return template.innerHTML;
    },
  });

  // --- Runs: what changed, who needs to know ---------------------------------------------------------------------

  const isSpeaker = (id) => Boolean(document.querySelector(`[data-title-run="${CSS.escape(id)}"]`));
  const nameOf = (id) => ($(`run-${id}-name`) || {}).textContent?.trim() || "A run";
  const percentOf = (id) => {
    const percent = $(`run-${id}-progress`)?.dataset.percent;
    return percent ? Number(percent) : null;
  };

  // Like htmx's own delay, but nobody waits a minute for a server that is back.
  htmx.config.wsReconnectDelay = (attempt) => Math.random() * Math.min(1000 * 2 ** attempt, 8000);

  const look = (announcing) => {
    let changed = false;
    for (const badge of document.querySelectorAll("[data-run][data-status]")) {
      const id = badge.dataset.run;
      const status = badge.dataset.status;
      const quarter = Math.floor((percentOf(id) || 0) / 25);
      const before = runs.get(id);
      runs.set(id, { status, quarter });
      if (!before || !announcing) continue;
      if (before.status !== status) {
        changed = true;
        refreshActions(id, status);
        announceStatus(id, status);
      } else if (quarter > before.quarter && quarter < 4 && isSpeaker(id)) {
        say(`${nameOf(id)}: ${quarter * 25}%`);
      }
    }
    writeTitle();
    return changed;
  };

  const ended = [];
  let endedTimer = null;

  const announceStatus = (id, status) => {
    const name = nameOf(id);
    if (isSpeaker(id)) {
      const reason = $(`run-${id}-outcome`)?.textContent.trim();
      if (status === "running") say(`${name} has started.`);
      if (status === "cancelling") say(`${name} is being cancelled.`);
      if (status === "completed") say(`${name} has completed.`);
      if (status === "cancelled") say(`${name} was cancelled.`);
      if (status === "failed") cry(`${name} has failed. ${reason || ""}`);
    } else if (FINAL.has(status)) {
      ended.push(`${name}: ${status}.`);
      clearTimeout(endedTimer);
      endedTimer = setTimeout(() => {
        say(ended.length > 2 ? `${ended.length} runs have ended.` : ended.join(" "));
        ended.length = 0;
      }, 1000);
    }
  };

  // One announcement after the other: a text that is replaced at once is never read out.
  const sayings = [];
  let saying = null;
  const say = (text) => {
    sayings.push(text);
    saying ??= setTimeout(function next() {
      $("announcer").textContent = sayings.splice(0).join(" ");
      saying = setTimeout(() => {
        saying = null;
        if (sayings.length) next();
      }, 1500);
    }, 100);
  };
  const cry = (text) => { $("alerter").textContent = text; };

  const plainTitle = document.title;
  const writeTitle = () => {
    const speaker = document.querySelector("[data-title-run]");
    if (!speaker) return;
    const id = speaker.dataset.titleRun;
    const badge = $(`run-${id}-status`);
    if (!badge) return;
    const status = badge.dataset.status;
    const percent = percentOf(id);
    let title = plainTitle;
    if (status === "running" && percent !== null) title = `(${percent}%) ${plainTitle}`;
    else if (status !== "running") title = `${badge.textContent.trim()}: ${plainTitle}`;
    if (document.title !== title) document.title = title;
  };

  const fetchPart = async (address) => {
    const response = await fetch(address, { redirect: "manual" }).catch(() => null);
    if (!response?.ok) return null;
    const template = document.createElement("template");
    template.innerHTML = await response.text();
    return template.content.firstElementChild;
  };

  const refreshActions = async (id, status) => {
    const actions = $(`run-${id}-actions`);
    if (!actions || actions.dataset.forStatus === status || actions.closest("[data-refresh]")) return;
    const fresh = await fetchPart(actions.dataset.actions);
    const old = $(`run-${id}-actions`);
    if (fresh && old) replace(old, fresh);
  };

  // --- Fetching the page again -----------------------------------------------------------------------------------

  const replace = (old, fresh) => {
    const held = old.contains(document.activeElement) ? document.activeElement : null;
    old.replaceWith(fresh);
    htmx.process(fresh);
    if (!held) return;
    // The element with focus is gone: its namesake takes over, else the nearest thing that makes sense.
    const heir = (held.id && $(held.id)) || fresh.querySelector("a[href], button") || $("content");
    heir.focus({ preventScroll: true });
  };

  // Parts that grow while a run goes on, such as its items (`data-part`: where to fetch one alone).
  let partsTimer = null;
  const refreshParts = () => {
    if (stopped || !document.querySelector("[data-part]")) return;
    partsTimer ??= setTimeout(async () => {
      for (const { id, dataset } of document.querySelectorAll("[data-part]")) {
        const fresh = await fetchPart(dataset.part);
        const old = $(id);
        if (fresh?.id === id && old?.dataset.part && !old.isEqualNode(fresh)) replace(old, fresh);
      }
      partsTimer = null;
    }, PART_GAP);
  };

  // A list that grows at its head keeps the newest (`data-most`: how many); what follows it says so.
  const trim = () => {
    for (const list of document.querySelectorAll("[data-most]")) {
      while (list.children.length > Number(list.dataset.most)) {
        list.lastElementChild.remove();
        if (list.nextElementSibling) list.nextElementSibling.hidden = false;
      }
    }
  };

  const refreshSoon = () => {
    if (refreshTimer || stopped) return;
    const wait = Math.max(200, lastRefresh + REFRESH_GAP - Date.now());
    refreshTimer = setTimeout(() => {
      refreshTimer = null;
      refresh();
    }, wait);
  };

  const refresh = () => {
    refreshing ??= fetchPage().finally(() => {
      refreshing = null;
      lastRefresh = Date.now();
    });
    return refreshing;
  };

  const fetchPage = async () => {
    const response = await fetch(location.href, { redirect: "manual" }).catch(() => null);
    if (!response) return false;
    if (response.type === "opaqueredirect" || response.status === 401) return stop("signed-out");
    if (response.status === 404 || response.status === 403) return stop("gone");
    if (!response.ok) return false;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const old of document.querySelectorAll("[data-refresh], [data-run], [data-actions], #bell-count")) {
      if (!old.id || !old.isConnected || old.parentElement.closest("[data-refresh]")) continue;
      const fresh = page.getElementById(old.id);
      if (!fresh || isOlder(fresh, old)) continue;
      // Somebody is answering a question in here: later.
      if (old.querySelector("dialog[open]")) refreshSoon();
      else if (!old.isEqualNode(fresh)) replace(old, document.adoptNode(fresh));
    }
    asOf = new Date();
    look(true);
    document.dispatchEvent(new CustomEvent("live:refreshed"));
    return true;
  };

  // --- The connection --------------------------------------------------------------------------------------------

  const show = (what) => {
    const banner = $("connection");
    for (const part of banner.querySelectorAll("[data-connection]")) part.hidden = part.dataset.connection !== what;
    for (const time of banner.querySelectorAll("[data-connection-time]")) {
      time.textContent = asOf.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    }
    banner.hidden = !what;
  };

  const stop = (what) => {
    stopped = true;
    clearInterval(pollTimer);
    pollTimer = null;
    show(what);
    return false;
  };

  const mayChange = () =>
    Boolean(document.querySelector("[data-refresh-new]")) || [...runs.values()].some((run) => !FINAL.has(run.status));

  const poll = () => {
    pollTimer ??= setInterval(async () => {
      if (stopped || !mayChange()) return;
      // A failed poll is not a failed run: what is shown stays, with its time.
      if (await refresh() && !$("connection").hidden) show(crowded ? "crowded" : "lost");
    }, POLL_EVERY);
  };

  let crowded = false;

  const lost = (socket, element, code) => {
    socket.open = false;
    socket.everLost = true;
    if (leaving || stopped) return;
    const quiet = "liveQuiet" in element.dataset;
    if (code === 4401) return stop("signed-out");
    if (quiet) return;
    if (code === 4404 || code === 4403) return stop("gone");
    crowded = code === 4429;
    socket.timer ??= setTimeout(() => {
      show(crowded ? "crowded" : "lost");
      poll();
    }, LOST_AFTER);
  };

  document.addEventListener("htmx:wsOpen", (event) => {
    const socket = sockets.get(event.target) || {};
    clearTimeout(socket.timer);
    sockets.set(event.target, { ...socket, open: true, timer: null });
    crowded = false;
    if ([...sockets].every(([element, other]) => other.open || "liveQuiet" in element.dataset)) {
      clearInterval(pollTimer);
      pollTimer = null;
      if (!stopped) show("");
    }
    if (socket.everLost) refresh();
    else setTimeout(checkSilence, 2000);
  });

  // A run may have ended between the making of the page and the opening of the socket: no snapshot speaks of it then.
  const checkSilence = () => {
    const silent = [...runs].some(([id, run]) => !FINAL.has(run.status) && !heard.has(id));
    if (silent) refresh();
  };

  document.addEventListener("htmx:wsClose", (event) => {
    const { code } = event.detail.event;
    const socket = sockets.get(event.target) || {};
    sockets.set(event.target, socket);
    lost(socket, event.target, code);
    // After a normal close htmx does not come back; a server that ends its day says 1000 or 1001.
    if ((code === 1000 || code === 1001) && !leaving && !stopped && !HTMX_RECONNECTS.has(code)) {
      const wrapper = event.detail.socketWrapper;
      setTimeout(() => event.target.isConnected && wrapper.reconnect(), 1000 + Math.random() * 4000);
    }
  });

  document.addEventListener("htmx:wsAfterMessage", () => {
    asOf = new Date();
    if (look(true)) refreshSoon();
    trim();
    refreshParts();
    document.dispatchEvent(new CustomEvent("live:message"));
  });

  addEventListener("pagehide", () => { leaving = true; });
  addEventListener("pageshow", (event) => {
    leaving = false;
    if (event.persisted) refresh();
  });
  let hiddenAt = 0;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hiddenAt = Date.now();
    else if (!stopped && Date.now() - hiddenAt > 60000 && mayChange()) refresh();
  });

  look(false);
  window.live = { refreshSoon, say };
})();

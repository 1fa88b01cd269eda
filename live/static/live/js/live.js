// Live pages: fragments from HTML sockets, and what to do when a run's status changes. connection.js holds the sockets.
//
// htmx swaps a fragment's top elements by id. This file keeps away those that have no place on this page, and fetches
// the page again for what fragments do not carry (elements with `data-refresh`).
"use strict";

(() => {
  const REFRESH_GAP = 1500;
  const PART_GAP = 2000;
  const ANSWER_WITHIN = 8000;
  const FINAL = new Set(["completed", "failed", "cancelled"]);
  const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex='0']";

  const runs = new Map(); // run id -> {status, quarter}
  const tried = new Map(); // run id that this page does not show -> its status when we last looked
  const heard = new Set(); // runs that have sent something since the sockets opened
  let stopped = false;
  let refreshTimer = null;
  let refreshing = null;
  let lastRefresh = 0;

  const $ = (id) => document.getElementById(id);

  // What is said, in the language of the page: live/components/words.html. `{name}` and the like stand for `parts`.
  const word = (key, parts = {}) =>
    Object.entries(parts).reduce((text, [part, value]) => text.replaceAll(`{${part}}`, () => value), $("words").dataset[key]);

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
      // What a page says of runs of that status has changed, though none of them has.
      const { news } = element.dataset;
      if (news && document.querySelector(`[data-refresh-new], [data-status="${CSS.escape(news)}"]`)) refreshSoon();
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
    transformResponse: (text, xhr, source) => {
      if (xhr) return text;
      const template = document.createElement("template");
      template.innerHTML = text;
      for (const element of [...template.content.children]) {
        // Not to be drawn: what this socket's news are worth.
        if (element.id === "freshness") {
          source.dispatchEvent(new CustomEvent("live:freshness", { bubbles: true, detail: element.dataset }));
        }
        if (!belongs(element)) element.remove();
      }
      return template.innerHTML;
    },
  });

  // --- Runs: what changed, who needs to know ---------------------------------------------------------------------

  const isSpeaker = (id) => Boolean(document.querySelector(`[data-title-run="${CSS.escape(id)}"]`));
  const nameOf = (id) => ($(`run-${id}-name`) || {}).textContent?.trim() || word("someRun");
  const percentOf = (id) => {
    const percent = $(`run-${id}-progress`)?.dataset.percent;
    return percent ? Number(percent) : null;
  };

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
        say(word("runAt", { name: nameOf(id), percent: quarter * 25 }));
      }
    }
    writeTitle();
    return changed;
  };

  const endings = [];
  let endedTimer = null;

  const announceStatus = (id, status) => {
    const name = nameOf(id);
    if (isSpeaker(id)) {
      const reason = $(`run-${id}-outcome`)?.textContent.trim();
      if (status === "running") say(word("runStarted", { name }));
      if (status === "cancelling") say(word("runCancelling", { name }));
      if (status === "completed") say(word("runCompleted", { name }));
      if (status === "cancelled") say(word("runCancelled", { name }));
      if (status === "failed") cry(`${word("runFailed", { name })} ${reason || ""}`);
    } else if (FINAL.has(status)) {
      endings.push(word("runEnded", { name, status: $(`run-${id}-status`)?.textContent.trim().toLowerCase() || status }));
      clearTimeout(endedTimer);
      endedTimer = setTimeout(() => {
        say(endings.length > 2 ? word("runsEnded", { count: endings.length }) : endings.join(" "));
        endings.length = 0;
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
    const place = held ? [...old.querySelectorAll(FOCUSABLE)].indexOf(held) : -1;
    keepChoices(old, fresh);
    old.replaceWith(fresh);
    htmx.process(fresh);
    if (!held) return;
    // The element with focus is gone: its namesake takes over, else what leads to the same place or stands in the same
    // one, else the nearest thing that makes sense. Who goes through the page by keys is not sent back.
    const others = [...fresh.querySelectorAll(FOCUSABLE)];
    const sameLink = others.find((other) => held.href && other.href === held.href);
    const samePlace = others[place]?.nodeName === held.nodeName ? others[place] : null;
    const heirs = [held.id ? $(held.id) : null, sameLink, samePlace, ...others, $("content")];
    heirs.find((heir) => heir?.checkVisibility({ visibilityProperty: true }) && !heir.disabled)?.focus({ preventScroll: true });
  };

  // What somebody has ticked, chosen or opened in a part stays so in the new one.
  const keepChoices = (old, fresh) => {
    for (const element of old.querySelectorAll("input[type=checkbox][id], select[id], details[id]")) {
      const heir = fresh.querySelector(`#${CSS.escape(element.id)}`);
      if (!heir) continue;
      if (element.type === "checkbox") heir.checked = element.checked;
      else if (element.nodeName === "DETAILS") heir.open = element.open;
      else if ([...heir.options].some((option) => option.value === element.value)) heir.value = element.value;
    }
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

  // Says whether the page now shows what the server says; that it cannot any more, goes to connection.js.
  const refresh = () => {
    refreshing ??= fetchPage().finally(() => {
      refreshing = null;
      lastRefresh = Date.now();
    });
    return refreshing;
  };

  // The same, by an answer that was asked for from now on.
  const refreshAnew = async () => {
    await refreshing;
    return refresh();
  };

  const ended = (why) => {
    document.dispatchEvent(new CustomEvent("live:ended", { detail: why }));
    return false;
  };

  const fetchPage = async () => {
    // With a limit: an answer may never come over a connection that was cut while the machine slept.
    const signal = AbortSignal.timeout(ANSWER_WITHIN);
    const response = await fetch(location.href, { redirect: "manual", signal }).catch(() => null);
    if (!response) return false;
    if (response.type === "opaqueredirect" || response.status === 401) return ended("signed-out");
    if (response.status === 404 || response.status === 403) return ended("gone");
    if (!response.ok) return false;
    const text = await response.text().catch(() => "");
    if (!text) return false;
    const page = new DOMParser().parseFromString(text, "text/html");
    for (const old of document.querySelectorAll("[data-refresh], [data-run], [data-actions], #bell-count")) {
      if (!old.id || !old.isConnected || old.parentElement.closest("[data-refresh]")) continue;
      const fresh = page.getElementById(old.id);
      if (!fresh || isOlder(fresh, old)) continue;
      // Somebody is answering a question in here: later.
      if (old.querySelector("dialog[open]")) refreshSoon();
      else if (!old.isEqualNode(fresh)) replace(old, document.adoptNode(fresh));
    }
    look(true);
    document.dispatchEvent(new CustomEvent("live:refreshed"));
    return true;
  };

  // --- Times: on the clock the person has chosen, else on that of the browser ---------------------------------------

  let zone = document.documentElement.dataset.zone || undefined;
  try { new Intl.DateTimeFormat([], { timeZone: zone }); } catch { zone = undefined; } // one that this browser does not know
  const onClock = (at, options) => at.toLocaleString(document.documentElement.lang, { ...options, timeZone: zone });

  // --- For the other scripts ---------------------------------------------------------------------------------------

  const mayChange = () =>
    Boolean(document.querySelector("[data-refresh-new], [data-refresh-notices]")) || [...runs.values()].some((run) => !FINAL.has(run.status));

  const isSilent = () => [...runs].some(([id, run]) => !FINAL.has(run.status) && !heard.has(id));

  document.addEventListener("htmx:wsAfterMessage", () => {
    if (look(true)) refreshSoon();
    trim();
    refreshParts();
  });

  const stop = () => {
    stopped = true;
    clearTimeout(refreshTimer);
    clearTimeout(partsTimer);
  };

  look(false);
  window.live = { refresh, refreshAnew, refreshSoon, mayChange, isSilent, stop, say, word, replace, onClock };
})();

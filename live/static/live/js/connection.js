// The sockets of a live page: does each still answer, and what the page does while one does not.
//
// htmx opens them and comes back after 1006, 1011, 1012 and 1013. This file says so when that takes longer than a
// moment, asks the server every few seconds meanwhile, and finds out when a socket has died without a word: a laptop
// that slept, a network that changed.
"use strict";

(() => {
  const LOST_AFTER = 3000;
  const POLL_EVERY = 5000;
  const QUIET_FOR = 15000; // after so long without a word a socket is asked whether anybody is there
  const ANSWER_WITHIN = 5000;
  const CONNECT_WITHIN = 15000;
  const SLEPT = 10000; // a beat that comes so late: the machine slept, or the page was frozen
  const HIDDEN_LONG = 60000;
  const CROWDED_RETRY = 30000;
  const CATCH_UP_WITHIN = 2000;
  const SIGNED_OUT = 4401;
  const UNAVAILABLE = new Set([4403, 4404]);
  const CROWDED = 4429;
  const PONG = "<!-- pong -->";
  const NORMAL = new Set([1000, 1001]);

  // element -> {raw, wrapper, live, stale, code, everLost, owed, lostTimer, heardAt, askedAt, since}; `live`: it has
  // answered; `stale`: by its own word it cannot know whether what it told is still true
  const sockets = new Map();
  let asOf = new Date();
  let ended = ""; // why nobody is asked any more
  let leaving = false;
  let losses = 0; // since the page was last known to be true
  let pollTimer = null;
  let etag = "";
  let beatAt = Date.now();
  let hiddenAt = 0;

  const { refresh, refreshAnew, mayChange } = window.live;
  const $ = (id) => document.getElementById(id);
  const isQuiet = (element) => "liveQuiet" in element.dataset;
  const now = () => Date.now();

  const stateOf = (element) => {
    if (!sockets.has(element)) sockets.set(element, { raw: null, live: false, heardAt: 0, askedAt: 0, since: 0 });
    return sockets.get(element);
  };

  // --- What is said ------------------------------------------------------------------------------------------------

  const show = (what) => {
    const banner = $("connection");
    for (const part of banner.querySelectorAll("[data-connection]")) part.hidden = part.dataset.connection !== what;
    for (const time of banner.querySelectorAll("[data-connection-time]")) {
      time.textContent = window.live.onClock(asOf, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
    }
    banner.hidden = !what;
  };

  const own = () => [...sockets].filter(([element]) => !isQuiet(element)).map(([, socket]) => socket);
  const allLive = () => own().every(({ live, stale }) => live && !stale);

  const showLost = () => {
    const away = own().filter(({ live }) => !live);
    if (!away.length) show("stale");
    else show(away.some(({ code }) => code === CROWDED) ? "crowded" : "lost");
  };

  // What the page shows is true at this moment.
  const verified = () => {
    asOf = new Date();
    if (ended) return;
    if (allLive()) {
      for (const socket of sockets.values()) {
        clearTimeout(socket.lostTimer);
        socket.lostTimer = null;
      }
      losses = 0;
      stopPolling();
      show("");
    } else if (!$("connection").hidden) showLost();
  };

  const end = (why) => {
    ended = why;
    window.live.stop();
    stopPolling();
    show(why);
    if (why === "signed-out") for (const { raw } of sockets.values()) raw?.close();
  };

  document.addEventListener("live:ended", (event) => end(event.detail));
  document.addEventListener("live:refreshed", () => {
    etag = ""; // of an older page
    verified();
  });

  // --- Polling -----------------------------------------------------------------------------------------------------

  let polling = null;
  const poll = () => { polling ??= askAll().finally(() => { polling = null; }); };

  // A failed poll is not a failed run: what is shown stays, with its time.
  const askAll = async () => {
    if (ended || (!mayChange() && !allLive())) return;
    // What keeps a waiting run waiting (its place in line, a queue that was paused) changes without it: no tag says so.
    const waits = document.querySelector('[data-status="pending"]');
    const cheap = !waits && document.querySelector("[data-poll]")?.dataset.poll;
    if (!cheap) {
      await refresh();
      return;
    }
    const headers = etag ? { "If-None-Match": etag } : {};
    const signal = AbortSignal.timeout(ANSWER_WITHIN);
    const response = await fetch(cheap, { headers, signal, redirect: "manual", cache: "no-store" }).catch(() => null);
    if (!response || ended) return;
    if (response.status === 401) end("signed-out");
    else if (response.status === 403 || response.status === 404) end("gone");
    else if (response.status === 304) verified();
    // The page must not be older than the tag it is said to have.
    else if (response.ok && await refreshAnew()) etag = response.headers.get("ETag") || "";
  };

  const startPolling = () => { pollTimer ??= setInterval(poll, POLL_EVERY); };

  const stopPolling = () => {
    clearInterval(pollTimer);
    pollTimer = null;
  };

  // --- Sockets come and go -----------------------------------------------------------------------------------------

  // Nobody waits a minute for a server that is back, as with htmx's own delay; and one that opens sockets only to close
  // them, its database being away, is not asked twice a second.
  htmx.config.wsReconnectDelay = () => Math.random() * Math.min(500 * 2 ** losses, 8000);

  let newest = null;
  htmx.createWebSocket = (url) => {
    // Who is signed out is not let in; htmx would try for ever, so it gets a socket that never says anything.
    newest = ended === "signed-out" ? new EventTarget() : new WebSocket(url, []);
    return newest;
  };

  document.addEventListener("htmx:wsConnecting", (event) => {
    const socket = stateOf(event.target);
    Object.assign(socket, { raw: newest, since: now() });
    if (!ended && !isQuiet(event.target)) expect(socket);
  });

  // A server opens every socket and then says why it closes some again: only one that answers is a connection.
  document.addEventListener("htmx:wsOpen", (event) => {
    const socket = stateOf(event.target);
    Object.assign(socket, { wrapper: event.detail.socketWrapper, heardAt: 0 });
    ask(socket);
  });

  const isLive = async (socket, element) => {
    socket.live = true;
    if (isQuiet(element)) return;
    // The banner stays until the page is known to be true; if it cannot be had now, a poll will get it.
    // A run may have ended between the making of the page and the opening of the socket: no snapshot speaks of it then,
    // unless the socket was asked for everything since the page was made.
    const saysAll = element.getAttribute("ws-connect").includes("since=");
    if (!socket.everLost && (saysAll || !window.live.isSilent())) verified();
    else await refresh() || startPolling();
  };

  document.addEventListener("htmx:wsClose", (event) => {
    const { code } = event.detail.event;
    const socket = stateOf(event.target);
    Object.assign(socket, { wrapper: event.detail.socketWrapper, live: false, stale: false, everLost: true, code });
    losses += 1;
    if (ended === "signed-out") return;
    // htmx does not come back after these; a server that ends its day says 1000 or 1001.
    socket.owed = NORMAL.has(code) || code === CROWDED;
    if (leaving) return;
    if (socket.owed) setTimeout(comeBack, code === CROWDED ? CROWDED_RETRY : Math.random() * 4000, event.target);
    if (!ended || code === SIGNED_OUT) lost(socket, event.target, code);
  });

  const lost = (socket, element, code) => {
    if (code === SIGNED_OUT) end("signed-out");
    else if (isQuiet(element)) return;
    else if (UNAVAILABLE.has(code)) end("gone");
    else expect(socket);
  };

  const expect = (socket) => {
    socket.lostTimer ??= setTimeout(() => {
      if (ended) return;
      showLost();
      poll();
      startPolling();
    }, LOST_AFTER);
  };

  const comeBack = (element) => {
    const socket = stateOf(element);
    if (!socket.owed || ended || leaving || !element.isConnected) return;
    socket.owed = false;
    socket.wrapper?.reconnect();
  };

  document.addEventListener("htmx:wsAfterMessage", (event) => {
    const socket = stateOf(event.target);
    if (!socket.stale && !isQuiet(event.target)) asOf = new Date();
    socket.heardAt = now();
    // Behind its snapshot: by now everything is known that it has to say.
    if (!socket.live && event.detail.message.includes(PONG)) isLive(socket, event.target);
  });

  // --- Sockets that live while the server cannot read its database -------------------------------------------------

  document.addEventListener("live:freshness", ({ target, detail }) => {
    const socket = stateOf(target);
    socket.stale = detail.fresh === "no";
    if (ended || isQuiet(target)) return;
    if (socket.stale) {
      asOf = new Date(Math.min(asOf, Date.parse(detail.asOf)));
      showLost();
      startPolling();
    } else setTimeout(poll, Math.random() * CATCH_UP_WITHIN); // not all pages at once
  });

  // --- Sockets that died without a word ----------------------------------------------------------------------------

  const ask = (socket) => {
    if (socket.raw?.readyState !== WebSocket.OPEN) return;
    socket.askedAt = now();
    socket.raw.send('{"type":"ping"}');
  };

  // The browser would wait for a last word that never comes: htmx is told at once, and comes back.
  const giveUp = (socket) => {
    const { raw } = socket;
    const closed = raw.onclose;
    raw.onclose = null;
    raw.close();
    closed?.call(raw, new CloseEvent("close", { code: 1006 }));
  };

  const wake = () => {
    if (ended) return;
    for (const [element, socket] of sockets) {
      ask(socket);
      comeBack(element);
    }
    if (mayChange()) refresh();
  };

  setInterval(() => {
    const late = now() - beatAt > SLEPT;
    beatAt = now();
    if (ended || leaving) return;
    // A tab in the background is given a beat a minute; it catches up when somebody looks.
    if (late && !document.hidden) wake();
    for (const socket of sockets.values()) {
      const unanswered = socket.askedAt > socket.heardAt;
      if (!socket.live) {
        if (socket.raw?.readyState <= WebSocket.OPEN && now() - socket.since > CONNECT_WITHIN) giveUp(socket);
      } else if (unanswered && now() - socket.askedAt > ANSWER_WITHIN) giveUp(socket);
      else if (!unanswered && now() - socket.heardAt > QUIET_FOR) ask(socket);
    }
  }, 1000);

  addEventListener("online", wake);
  addEventListener("offline", () => sockets.forEach(ask));
  document.addEventListener("resume", wake); // the page was frozen
  addEventListener("pagehide", () => { leaving = true; });
  addEventListener("pageshow", (event) => {
    leaving = false;
    if (event.persisted) wake();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hiddenAt = now();
    else if (now() - hiddenAt > HIDDEN_LONG) wake();
    else sockets.forEach(ask);
  });
})();

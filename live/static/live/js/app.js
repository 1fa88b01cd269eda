// Small comforts on top of pages that work without them: dialogs, the bell's panel, times that move.
// One listener per kind of event on the document, so that swapped-in parts need no set-up.
"use strict";

(() => {
  const $ = (id) => document.getElementById(id);
  const { word } = window.live;

  // --- Dialogs: a link to a question opens the same question in place ----------------------------------------------

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    const dialog = opener && $(opener.dataset.dialog);
    if (dialog?.showModal && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      dialog.showModal();
      return;
    }
    if (event.target.closest("[data-dialog-close]") || event.target.nodeName === "DIALOG") {
      event.target.closest("dialog")?.close();
    }
  });

  // A menu closes when one goes elsewhere, and Esc leads back to what opened it.
  const closeMenus = (but) => {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) if (!menu.contains(but)) menu.open = false;
  };
  document.addEventListener("click", (event) => closeMenus(event.target));
  document.addEventListener("focusin", (event) => closeMenus(event.target));
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector("details[data-menu][open]");
    if (!menu) return;
    const inside = menu.contains(document.activeElement);
    menu.open = false;
    if (inside) menu.querySelector("summary").focus();
  });

  // `data-copy`: the id of the element whose text goes to the clipboard.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    const text = button && $(button.dataset.copy)?.textContent;
    if (!text) return;
    const copied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
    window.live.say(copied ? `${word("copied")}.` : word("notCopied"));
    if (copied) button.firstChild.textContent = word("copied");
  });

  // A second click on a button that is already at work sends nothing twice.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("hx-post")) return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  // --- The bell ----------------------------------------------------------------------------------------------------

  const box = document.querySelector("[data-bell-box]");
  const panel = $("bell-panel");
  let bell = null;

  if (box && panel) {
    const link = box.querySelector("[data-bell]");
    bell = document.createElement("button");
    bell.type = "button";
    bell.className = link.className;
    bell.setAttribute("aria-expanded", "false");
    bell.setAttribute("aria-controls", panel.id);
    bell.append(...link.childNodes);
    link.replaceWith(bell);
    bell.addEventListener("click", () => (panel.hidden ? openPanel() : closePanel()));
  }

  const openPanel = () => {
    panel.hidden = false;
    bell.setAttribute("aria-expanded", "true");
    loadPanel();
  };

  const closePanel = () => {
    panel.hidden = true;
    bell.setAttribute("aria-expanded", "false");
  };

  const loadPanel = () => htmx.ajax("GET", box.dataset.panelUrl, { target: "#bell-panel", swap: "innerHTML" });

  const couldNotLoad = () => {
    const text = document.createElement("p");
    text.textContent = word("noNotifications");
    const again = document.createElement("button");
    again.type = "button";
    again.className = "button button-plain";
    again.textContent = word("tryAgain");
    again.addEventListener("click", loadPanel);
    const wrap = document.createElement("div");
    wrap.className = "empty";
    wrap.append(text, again);
    panel.replaceChildren(wrap);
  };

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !panel || panel.hidden) return;
    const inside = box.contains(document.activeElement);
    closePanel();
    if (inside) bell.focus();
  });
  document.addEventListener("click", (event) => {
    // What was clicked may have been swapped away meanwhile; then the click was not outside.
    if (panel && !panel.hidden && event.target.isConnected && !box.contains(event.target)) closePanel();
  });

  for (const trouble of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(trouble, (event) => {
      if (event.detail.target !== panel) return;
      // A connection that died while the machine slept answers nothing; given up, it makes room for one that does.
      const isFirst = trouble === "htmx:timeout" && event.detail.requestConfig?.verb === "get" && !panel.dataset.again;
      panel.dataset.again = isFirst ? "yes" : "";
      if (isFirst) loadPanel();
      else couldNotLoad();
    });
  }

  // After a row has gone, focus goes to the row that took its place; buttons carry a `data-key` like "drop-17".
  let heldKey = "";
  let keysBefore = [];
  const keys = (kind) => [...panel.querySelectorAll(`[data-key^="${CSS.escape(kind)}"]`)].map((e) => e.dataset.key);

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target !== panel) return;
    const at = new URL(event.detail.xhr.responseURL || location.href).pathname;
    if (!at.startsWith(new URL(box.dataset.panelUrl, location.href).pathname.replace("panel/", ""))) {
      event.detail.shouldSwap = false; // signed out: the answer is the sign-in page
      location.reload();
      return;
    }
    // Another form in there waits for its answer, and would be taken out of the page: that answer brings the panel.
    if ([...panel.querySelectorAll(".htmx-request")].some((form) => form !== event.detail.requestConfig?.elt)) {
      event.detail.shouldSwap = false;
      return;
    }
    const key = panel.contains(document.activeElement) ? document.activeElement.dataset.key || "?" : "";
    heldKey = key;
    keysBefore = key ? keys(key.split("-")[0]) : [];
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== panel || !heldKey) return;
    const left = keys(heldKey.split("-")[0]);
    const heir = left.includes(heldKey) ? heldKey : left[Math.min(keysBefore.indexOf(heldKey), left.length - 1)];
    const element = heir && panel.querySelector(`[data-key="${CSS.escape(heir)}"]`);
    (element || panel.querySelector("a[href], button") || bell).focus();
    heldKey = "";
  });

  // News for the bell: an open panel and the notifications page show it too.
  let unread = $("bell-count")?.dataset.unread;
  let missed = false; // the bell's socket was away: what it did not tell may have left the number as it was
  const isBells = ({ target }) => target.getAttribute("ws-connect")?.startsWith("/ws/notifications");

  document.addEventListener("htmx:wsClose", (event) => { missed ||= isBells(event); });
  document.addEventListener("htmx:wsAfterMessage", (event) => {
    if (!isBells(event)) return;
    const now = $("bell-count")?.dataset.unread;
    if (now === unread && !missed) return;
    const more = Number(now) - Number(unread);
    if (more > 0) {
      window.live.say(word("unread", { count: now }));
      // Who has them before them already needs no second telling.
      const seen = (panel && !panel.hidden) || document.querySelector("[data-refresh-notices]");
      if (!seen) document.dispatchEvent(new CustomEvent("bell:more", { detail: more }));
    }
    unread = now;
    missed = false;
    // A form in there that waits for its answer gets the panel with it. Loaded before, the panel would take the form out
    // of the page, and what its answer says of the bell would find no bell.
    if (panel && !panel.hidden && !panel.querySelector(".htmx-request")) loadPanel();
    if (document.querySelector("[data-refresh-notices]")) window.live.refreshSoon();
  });

  // --- Times ---------------------------------------------------------------------------------------------------------

  const STEPS = [[60, "second"], [60, "minute"], [24, "hour"], [30, "day"], [12, "month"], [Infinity, "year"]];
  const relative = new Intl.RelativeTimeFormat(document.documentElement.lang || "en", { numeric: "auto" });

  const ago = (at) => {
    let value = (at - Date.now()) / 1000;
    if (Math.abs(value) < 60) return word("justNow");
    for (const [size, unit] of STEPS) {
      if (Math.abs(value) < size) return relative.format(Math.trunc(value), unit);
      value /= size;
    }
    return "";
  };

  const lasting = (since) => {
    const seconds = Math.max(0, Math.floor((Date.now() - since) / 1000));
    const minutes = Math.floor(seconds / 60);
    if (minutes < 1) return `${seconds} s`;
    if (minutes < 60) return seconds % 60 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
    const hours = Math.floor(minutes / 60);
    if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
    return hours % 24 ? `${Math.floor(hours / 24)} d ${hours % 24} h` : `${Math.floor(hours / 24)} d`;
  };

  const write = (element, text) => {
    if (text && element.textContent !== text) element.textContent = text;
  };

  const tick = () => {
    if (document.hidden) return;
    for (const element of document.querySelectorAll("[data-since]")) {
      write(element, lasting(Date.parse(element.dataset.since)));
    }
    for (const element of document.querySelectorAll("time[data-relative]")) {
      const at = new Date(element.dateTime);
      write(element, ago(at.getTime()));
      if (!element.dataset.local) {
        element.dataset.local = "yes";
        element.title = window.live.onClock(at, { dateStyle: "medium", timeStyle: "medium" });
      }
    }
  };

  tick();
  setInterval(tick, 1000);
})();

// News outside of the page, by the browser, for who looks at something else: only after a click that asked for it.
"use strict";

(() => {
  const toast = document.getElementById("toast");
  if (!toast || !window.Notification || !window.isSecureContext) return;
  const KEY = "tell-outside"; // of this browser, not of the person: another one has not been asked
  const section = document.getElementById("outside");
  let count = 0;

  const isOn = () => Notification.permission === "granted" && localStorage.getItem(KEY) === "on";

  const show = () => {
    if (!section) return;
    const state = Notification.permission === "denied" ? "refused" : isOn() ? "on" : "ask";
    section.hidden = false;
    for (const part of section.querySelectorAll("[data-outside]")) part.hidden = part.dataset.outside !== state;
  };

  section?.addEventListener("click", async ({ target }) => {
    const turn = target.closest("[data-outside-turn]")?.dataset.outsideTurn;
    if (!turn) return;
    if (turn === "on" && Notification.permission !== "granted") await Notification.requestPermission();
    localStorage.setItem(KEY, turn);
    show();
    section.querySelector("button:not([hidden])")?.focus();
  });

  document.addEventListener("visibilitychange", () => { if (!document.hidden) count = 0; });

  document.addEventListener("bell:more", ({ detail }) => {
    if (!document.hidden || !isOn()) return;
    count += detail;
    const text = count === 1 ? toast.dataset.one : toast.dataset.many.replace("{count}", count);
    // One tag: of several tabs, and of several news, one is seen.
    const note = new Notification(text, { tag: "bell", icon: document.querySelector("link[rel=icon]").href });
    note.addEventListener("click", () => {
      window.focus();
      location.assign(toast.querySelector("a").href);
    });
  });

  show();
})();

// News for who is looking at something else: one toast at a time. What comes while it is there is counted in it, and the
// bell has it all.
"use strict";

(() => {
  const SHOWN_FOR = 6000;
  const toast = document.getElementById("toast");
  if (!toast) return;
  let count = 0;
  let timer = null;

  const close = () => {
    clearTimeout(timer);
    timer = null;
    const held = toast.contains(document.activeElement);
    toast.hidden = true;
    count = 0;
    if (held) document.querySelector(".bell")?.focus();
  };

  // Not while somebody is about to use it, nor while nobody can see it.
  const closeLater = () => {
    clearTimeout(timer);
    timer = null;
    if (!toast.hidden && !document.hidden && !toast.matches(":hover, :focus-within")) timer = setTimeout(close, SHOWN_FOR);
  };

  document.addEventListener("bell:more", ({ detail }) => {
    count += detail;
    toast.querySelector(".toast-text").textContent =
      count === 1 ? toast.dataset.one : toast.dataset.many.replace("{count}", count);
    toast.hidden = false;
    closeLater();
  });

  for (const kind of ["pointerenter", "pointerleave", "focusin"]) toast.addEventListener(kind, closeLater);
  toast.addEventListener("focusout", () => setTimeout(closeLater));
  document.addEventListener("visibilitychange", closeLater);
  toast.querySelector("[data-toast-close]").addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !document.querySelector("dialog[open], details[data-menu][open], .bell-panel:not([hidden])")) close();
  });
  // Who opens the bell has found what this is about.
  document.addEventListener("click", (event) => {
    if (event.target.closest(".bell")) close();
  });
})();

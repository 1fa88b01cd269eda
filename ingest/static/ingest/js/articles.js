// Lists of articles with a keyboard, and without leaving the page: on top of links and forms that work without it.
"use strict";

(() => {
  const OFF = "articles-keys-off";
  const $ = (id) => document.getElementById(id);
  const form = $("act");
  const rows = () => [...document.querySelectorAll("[data-article]")];
  const rowOf = (element) => element?.closest("[data-article]");

  // --- One article: done in place, and what changed comes back ------------------------------------------------------

  const post = async (address) => {
    const body = new FormData(form);
    body.delete("ids");
    const response = await fetch(address, {
      method: "POST", body, headers: { "HX-Request": "true" }, redirect: "manual", keepalive: true,
    }).catch(() => null);
    return response?.ok ? response.text() : null;
  };

  const swap = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    for (const fresh of [...template.content.children]) {
      const old = $(fresh.id);
      if (old) window.live.replace(old, fresh);
    }
  };

  const act = async (button) => {
    const address = button.formAction;
    if (button.getAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    const said = button.firstChild?.nextSibling?.textContent.trim() || window.live.word("done");
    const html = await post(address);
    button.removeAttribute("aria-busy");
    if (html === null) window.live.say(window.live.word("didNotWork", { action: said }));
    else {
      swap(html);
      window.live.say(window.live.word("isDone", { action: said }));
    }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-row-action]");
    if (button && rowOf(button)) {
      event.preventDefault();
      act(button);
    }
  });

  // Whoever opens the original has read it. The link itself is a plain one.
  const readIfUnread = (row) => {
    const button = row?.querySelector("[data-row-action=read]");
    if (button && row.classList.contains("article-unread")) act(button);
  };
  for (const kind of ["click", "auxclick"]) {
    document.addEventListener(kind, (event) => {
      if (event.button < 2) readIfUnread(rowOf(event.target.closest("[data-article-open]")));
    });
  }

  // The page of an article: read once somebody really sees it, which a page loaded ahead is not.
  const body = document.querySelector("[data-read-when-seen]");
  const seen = async () => {
    if (!body?.dataset.readWhenSeen || document.visibilityState !== "visible" || document.prerendering) return;
    const address = body.dataset.readWhenSeen;
    body.dataset.readWhenSeen = "";
    if ((await post(address)) !== null) window.live.refreshSoon();
  };
  seen();
  document.addEventListener("visibilitychange", seen);
  document.addEventListener("prerenderingchange", seen);

  // --- Several ---------------------------------------------------------------------------------------------------------

  const picks = () => [...document.querySelectorAll(".article-pick input")];
  document.addEventListener("change", (event) => {
    if (event.target.id === "pick-all") for (const pick of picks()) pick.checked = event.target.checked;
    else if (event.target.closest(".article-pick") && $("pick-all")) {
      $("pick-all").checked = picks().every((pick) => pick.checked);
    }
  });

  // --- Keys (WCAG 2.1.4: they can be turned off, and never act where one writes) -----------------------------------

  const dialog = $("shortcuts");
  if (!dialog) return;
  const stored = () => { try { return localStorage.getItem(OFF); } catch { return null; } };
  const off = $("shortcuts-off");
  off.checked = Boolean(stored());
  off.addEventListener("change", () => {
    try { off.checked ? localStorage.setItem(OFF, "yes") : localStorage.removeItem(OFF); } catch { /* not kept */ }
  });

  let last = null; // the article one was at: its row may be gone, its place stays
  const step = (by) => {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(rowOf(document.activeElement) || (last && $(last)));
    const row = all[Math.min(all.length - 1, Math.max(0, at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by))];
    last = row.id;
    row.querySelector("[data-article-link]").focus();
    row.scrollIntoView({ block: "nearest" });
  };
  const here = () => rowOf(document.activeElement) || (last && $(last)) || null;
  const press = (selector) => here()?.querySelector(selector)?.click();

  const KEYS = {
    j: () => step(1),
    k: () => step(-1),
    o: () => press("[data-article-open]"),
    m: () => press("[data-row-action=read]"),
    s: () => press("[data-row-action=star]"),
    x: () => press(".article-pick input"),
    "/": () => $("search")?.select() ?? $("search")?.focus(),
    "?": () => dialog.showModal(),
  };
  const writes = (element) =>
    element?.isContentEditable || element?.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=button])");

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (writes(event.target) || document.querySelector("dialog[open]")) return;
    const action = KEYS[event.key];
    // With the keys off, ? alone still opens where they are turned on again, while focus is in the list.
    if (!action || (off.checked && !(event.key === "?" && rowOf(event.target)))) return;
    event.preventDefault();
    action();
  });
})();

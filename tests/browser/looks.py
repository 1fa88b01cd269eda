"""What can be measured of how a page looks: as a person with weak eyes, a small screen or a keyboard meets it."""

from playwright.sync_api import Page

from tests.browser.axe import COLOURS, violations

# Contrast (WCAG 1.4.3) and targets (2.5.8). axe-core looks at both too; it leaves undecided what lies over other parts,
# and lets small targets stand apart.
MEASURE = """() => {
  const found = [];
  const channel = (value) => (value <= 10 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const colour = (text) => [...text.match(/[\\d.]+/g).map(Number), 1].slice(0, 4);
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const layer = colour(getComputedStyle(at).backgroundColor);
      if (layer[3] > 0) layers.push(layer);
      if (layer[3] === 1) break;
    }
    let base = layers.length && layers.at(-1)[3] === 1 ? layers.pop() : [255, 255, 255];
    for (const layer of layers.reverse()) base = [0, 1, 2].map((i) => layer[i] * layer[3] + base[i] * (1 - layer[3]));
    return base;
  };
  const where = (element) => `${element.tagName}.${element.className} ${element.textContent.trim().slice(0, 40)}`;
  for (const element of document.querySelectorAll("body *")) {
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height || style.visibility === "hidden") continue;
    if (element.closest(".visually-hidden, .skip-link, svg")) continue;
    if ([...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())) {
      const [a, b] = [light(colour(style.color)), light(ground(element))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const size = parseFloat(style.fontSize);
      const big = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      if (ratio < (big ? 3 : 4.5)) found.push(`contrast ${ratio.toFixed(2)}: ${where(element)}`);
    }
    const inText = style.display === "inline" && element.closest("p, li, dd, h1, h2, h3, span, summary");
    if (element.matches("a[href], button, summary") && !inText && (box.height < 24 || box.width < 24)) {
      found.push(`small target ${Math.round(box.width)} x ${Math.round(box.height)}: ${where(element)}`);
    }
  }
  return found;
}"""

# Does everything fit (WCAG 1.4.10 reflow, 1.4.4 zoom, 1.4.12 spacing)? Nothing needs scrolling both ways or is cut off.
# What ends in an ellipsis is whole elsewhere: behind the link beside it, or in its title.
FITS = """() => {
  const found = [];
  const where = (element) => `${element.tagName}.${element.className} ${element.textContent.trim().slice(0, 40)}`;
  const wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) {
    const reach = (element) => element.getBoundingClientRect().right;
    const widest = [...document.querySelectorAll("body *")].reduce((a, b) => (reach(b) > reach(a) ? b : a));
    found.push(`wider than the screen, ${wide} of ${innerWidth}: ${where(widest)}`);
  }
  for (const element of document.querySelectorAll("body *")) {
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height || style.visibility === "hidden") continue;
    if (element.closest(".visually-hidden, .skip-link, svg, pre")) continue;
    if (box.right > innerWidth + 1) found.push(`beyond the edge of ${innerWidth}: ${where(element)}`);
    const cuts = ["hidden", "clip"].includes(style.overflowY) && style.webkitLineClamp === "none";
    if (cuts && element.scrollHeight > element.clientHeight + 2) found.push(`cut off: ${where(element)}`);
    const isWord = element.matches(".button, .badge, .filter, .nav a") && style.display !== "none";
    if (isWord && element.scrollWidth > element.clientWidth + 2) found.push(`text runs out of: ${where(element)}`);
  }
  return found;
}"""

# What a thumb must hit on a phone: whatever is made to be pressed, words within sentences aside.
THUMBS = """() => [
  ...document.querySelectorAll(".button, .nav a, .bell, .filter, select, textarea, input"),
].filter((element) => !element.matches("[type=checkbox], [type=radio]") && element.checkVisibility())
  .filter((element) => element.getBoundingClientRect().height < 43.5)
  .map((element) => `too low for a thumb: ${element.className || element.id} ${element.textContent.trim()}`)"""

# The spacing that WCAG 1.4.12 asks pages to bear, as the extensions of readers set it. A sheet made by a script is no
# inline style: our CSP has nothing against it.
SPACING = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`p { margin-bottom: 2em !important; }
    * { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }`);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}"""

# Whoever asked for less motion sees none.
MOTION = """() => [
  ...document.getAnimations().map((animation) => `moves: ${animation.effect.target.className}`),
  ...[...document.querySelectorAll("body *")].filter((element) => {
    const style = getComputedStyle(element);
    return style.animationName !== "none" || style.transitionDuration.split(", ").some((time) => parseFloat(time) > 0);
  }).map((element) => `would move: ${element.tagName}.${element.className}`),
]"""

# With colours of the reader's own: status is a word and a drawing in them, and what was a mere patch of colour is seen.
FORCED = """() => {
  const found = [];
  const where = (element) => `${element.tagName}.${element.className} ${element.textContent.trim().slice(0, 40)}`;
  const probe = document.body.appendChild(document.createElement("span"));
  const system = (name) => { probe.style.color = name; return getComputedStyle(probe).color; };
  const [canvas, text] = [system("Canvas"), system("CanvasText")];
  probe.remove();
  for (const element of document.querySelectorAll(".badge, progress, meter, .notice-dot")) {
    if (!element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const isFramed = style.borderTopStyle === "solid" && style.borderTopColor === text;
    const isSeen = element.matches(".notice-dot") ? style.backgroundColor !== canvas : isFramed;
    if (!isSeen) found.push(`not seen: ${where(element)}`);
    if (element.matches(".badge") && !element.innerText.trim()) found.push(`no word: ${where(element)}`);
    const drawing = element.matches(".badge") && element.querySelector("svg");
    if (drawing && getComputedStyle(drawing).stroke === canvas) found.push(`no drawing: ${where(element)}`);
  }
  return found;
}"""

# What an element is called here: parts of a page are made anew while it is looked at.
CALLED = """(element) =>
  [element.tagName, element.getAttribute("href"), element.name, element.textContent.trim().slice(0, 60)].join(" ")"""

# Everything that Tab should reach, and what holds focus now.
REACHABLE = f"""() => [
  ...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']"),
].filter(
  (element) => !element.disabled && element.type !== "hidden" && element.checkVisibility({{ visibilityProperty: true }})
).map({CALLED})"""
FOCUSED = f"""() => {{
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const style = getComputedStyle(element);
  const shown = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1) || style.boxShadow !== "none";
  return {{ shown, called: ({CALLED})(element) }};
}}"""

# What is folded up; not the menu at the top, which would lie over the page.
OPEN_DETAILS = (
    """() => { for (const details of document.querySelectorAll("details:not([data-menu])")) details.open = true; }"""
)
# One dialog of each kind: that of one run is that of every run.
DIALOGS = """() => {
  const ids = [...document.querySelectorAll("dialog[id]")].map(({ id }) => id);
  return [...new Map(ids.map((id) => [id.replace(/[0-9a-f-]{8,}|[0-9]+/, ""), id])).values()];
}"""


def faults(page: Page, width: int) -> list[str]:
    """What is wrong with a page of this width, whoever looks at it. Its context asks for less motion.

    One load serves all looks: the tab is made narrow, dark and so on and back again.
    """
    page.evaluate(OPEN_DETAILS)
    found: list[str] = violations(page)
    for script in (MEASURE, FITS, MOTION, *([THUMBS] if width < 600 else [])):
        found += page.evaluate(script)
    dialogs: list[str] = page.evaluate(DIALOGS)
    for dialog in dialogs:
        page.evaluate("(id) => document.getElementById(id).showModal()", dialog)
        found += [*violations(page, f"[id='{dialog}']"), *page.evaluate(FITS)]
        page.evaluate("(id) => document.getElementById(id).close()", dialog)
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {fault}" for fault in (*violations(page, rules=COLOURS), *page.evaluate(MEASURE))]
    page.emulate_media(color_scheme="light", forced_colors="active")
    found += page.evaluate(FORCED)
    page.emulate_media(forced_colors="none")
    # A window of 1280 at 200 %, and at 400 %.
    page.set_viewport_size({"width": 640 if width > 600 else 320, "height": 844})
    found += page.evaluate(FITS)
    page.evaluate(SPACING)
    found += [f"with wide spacing: {fault}" for fault in page.evaluate(FITS)]
    page.set_viewport_size({"width": width, "height": 844})
    return found

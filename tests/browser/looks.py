"""What can be measured of how a page looks: as a person with weak eyes, a small screen or a keyboard meets it."""

# Complaints about the page as it is laid out: contrast (WCAG 1.4.3), overflow, targets (2.5.8), names (4.1.2).
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
  const nameOf = (element) =>
    element.getAttribute("aria-label") || element.textContent.trim() || element.title ||
    [...(element.labels || [])].map((label) => label.textContent.trim()).join("") ||
    document.getElementById(element.getAttribute("aria-labelledby"))?.textContent.trim();
  const where = (element) => `${element.tagName}.${element.className} ${element.textContent.trim().slice(0, 40)}`;
  const wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) found.push(`wider than the screen: ${wide}`);
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
    if (box.right > innerWidth + 1 && !element.closest("pre")) found.push(`beyond the edge: ${where(element)}`);
    if (element.matches("a[href], button, input, select, textarea, summary, progress, meter")) {
      if (!nameOf(element)) found.push(`no name: ${where(element)}`);
      const inText = style.display === "inline" && element.closest("p, li, dd, h1, h2, h3, span, summary");
      if (element.matches("a[href], button, summary") && !inText && (box.height < 24 || box.width < 24)) {
        found.push(`small target ${Math.round(box.width)} x ${Math.round(box.height)}: ${where(element)}`);
      }
    }
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

"""Where the named parts of a page stand, compared loosely with a record: layout, not pixels.

The record, layout.json, is made anew by `RECORD_LAYOUT=1 pytest tests/browser/test_layout.py`, and its diff read over.
A page is recorded once for each width; light and dark must both fit the same record.

A part is a CSS selector. Each is measured from the end of the part before it, so that what has moved is said once, and
not of everything below. One that begins with `~` grows with what is in it: neither its height counts, nor how far below
it the next one begins.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from playwright.sync_api import Page

RECORD = Path(__file__).with_name("layout.json")
PIXELS, SHARE = 8, 0.05  # what may differ: the larger of the two
WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")

type Box = dict[str, int]
type Layout = dict[str, Box | None]

_MEASURE = """(parts) => {
  let bottom = 0; // of the part before; null: nobody knows
  const boxes = {};
  for (const part of parts) {
    const element = document.querySelector(part.replace("~", ""));
    const box = element?.checkVisibility() ? element.getBoundingClientRect() : null;
    boxes[part] = null;
    if (!box) continue;
    const top = box.top + scrollY;
    const grows = part.startsWith("~");
    const sides = { left: box.left, width: box.width };
    if (bottom !== null) sides.below = top - bottom;
    if (!grows) sides.height = box.height;
    for (const side in sides) sides[side] = Math.round(sides[side]);
    boxes[part] = sides;
    bottom = grows ? null : box.bottom + scrollY;
  }
  return boxes;
}"""


def layouts_of(page: Page, parts: Iterable[str]) -> dict[str, Layout]:
    """The parts of the page that is open, by `1280 light` and so on."""
    found = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            found[f"{width} {scheme}"] = page.evaluate(_MEASURE, list(parts))
    return found


def moved(recorded: Mapping[str, Box | None], found: Mapping[str, Box | None]) -> list[str]:
    """What stands elsewhere than recorded, in sentences."""
    sentences = []
    for part in [*recorded, *(part for part in found if part not in recorded)]:
        old, new = recorded.get(part), found.get(part)
        if old is None and new is None:
            continue
        if old is None or new is None:
            sentences.append(f"{part} is there now and was not" if old is None else f"{part} is not there any more")
            continue
        for side in old.keys() & new.keys():
            if abs(old[side] - new[side]) > max(PIXELS, SHARE * abs(old[side])):
                words = "begins below the part before by" if side == "below" else f"{side}:"
                sentences.append(f"{part} {words} {new[side]} px, was {old[side]} px")
    return sorted(sentences)


def check(name: str, found: Mapping[str, Layout]) -> list[str]:
    """What has moved on the page of that name, against the record; with RECORD_LAYOUT that is made anew first."""
    records = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    if os.environ.get("RECORD_LAYOUT"):
        records[name] = {key.split()[0]: layout for key, layout in found.items() if key.endswith(SCHEMES[0])}
        RECORD.write_text(json.dumps(records, indent=1, sort_keys=True) + "\n")
    if name not in records:
        return [f"{name} was never recorded: RECORD_LAYOUT=1 pytest tests/browser/test_layout.py"]
    return [
        f"{name} at {key}: {sentence}"
        for key, layout in found.items()
        for sentence in moved(records[name][key.split()[0]], layout)
    ]

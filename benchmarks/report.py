"""docs/benchmarks.md and its plots, from the results that are there."""

import json
import os
import platform
import re
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.harness import RESULTS

DOCS = Path(__file__).resolve().parent.parent / "docs"
SHARES = {"AUC", "AP", "F1"}  # between 0 and 1: a third place tells
BAR_HEIGHT, GAP, LABEL_WIDTH, PLOT_WIDTH = 22, 14, 330, 300


def write() -> Path:
    """Render all results; what has none here stays as it was measured elsewhere. Returns the page's path."""
    page = DOCS / "benchmarks.md"
    sections = _sections(page.read_text()) if page.exists() else {}
    (DOCS / "plots").mkdir(exist_ok=True)
    for path in RESULTS.glob("*.json"):
        result = json.loads(path.read_text())
        (DOCS / "plots" / f"{result['key']}.svg").write_text(_svg(result))
        sections[result["key"]] = _section(result)
    parts = [
        "# Benchmarks\n",
        "Written by `make bench`. Each figure stands beside its baseline, measured in the same run on one machine;\n"
        "machines are noisy, so read the ratios.\n",
        f"This machine: {os.cpu_count()} cores, Python {platform.python_version()}.\n",
    ]
    parts += [sections[key] for key in sorted(sections)]
    page.write_text("\n".join(parts))
    return page


def _sections(page: str) -> dict[str, str]:
    """The sections of the page by their result's key, which their plot is called by."""
    found = {}
    for part in page.split("\n## ")[1:]:
        if plot := re.search(r"\(plots/(\w+)\.svg\)", part):
            found[plot[1]] = f"## {part.rstrip()}\n"
    return found


def _section(result: dict[str, Any]) -> str:
    lines = [
        f"## {result['title']}\n",
        f"![{escape(result['title'])}](plots/{result['key']}.svg)\n",
        f"| | p50 ({result['unit']}) | p99 | × baseline | samples |",
        "|---|---:|---:|---:|---:|",
    ]
    shown = "{:.3f}".format if result["unit"] in SHARES else "{:.2f}".format
    for row in result["rows"]:
        name = f"{row['name']} (baseline)" if row["is_baseline"] else row["name"]
        lines.append(f"| {name} | {shown(row['p50'])} | {shown(row['p99'])} | {row['ratio']:.2f} | {row['samples']} |")
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    lines += ["", f"Target: {result['target']}." + (f" With {versions}." if versions else "")]
    if "load" in result:
        lines.append(f"Load of the machine meanwhile: {result['load']:.1f}, on {os.cpu_count()} cores.")
    lines += [note if note.endswith(".") else f"{note}." for note in result["notes"]]
    return "\n".join(lines) + "\n"


def _svg(result: dict[str, Any]) -> str:
    """Horizontal bars of the medians; legible on light and dark pages alike."""
    rows = result["rows"]
    longest = max(row["p50"] for row in rows)
    height = len(rows) * (BAR_HEIGHT + GAP) + GAP
    width = LABEL_WIDTH + PLOT_WIDTH + 90
    bars = []
    for place, row in enumerate(rows):
        top = GAP + place * (BAR_HEIGHT + GAP)
        length = max(1, PLOT_WIDTH * row["p50"] / longest)
        fill = "#8a94a6" if row["is_baseline"] else "#3b6fd4"
        middle = top + BAR_HEIGHT * 0.7
        bars.append(
            f'<text x="{LABEL_WIDTH - 8}" y="{middle}" text-anchor="end">{escape(row["name"])}</text>'
            f'<rect x="{LABEL_WIDTH}" y="{top}" width="{length:.1f}" height="{BAR_HEIGHT}" rx="3" fill="{fill}"/>'
            f'<text x="{LABEL_WIDTH + length + 8:.1f}" y="{middle}">{row["p50"]:.2f} {escape(result["unit"])}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(result["title"])}" font-family="system-ui, sans-serif" font-size="13" fill="#6b7789">'
        f"{''.join(bars)}</svg>\n"
    )

"""docs/benchmarks.md and its plots, from the results that are there."""

import json
import os
import platform
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.harness import RESULTS

DOCS = Path(__file__).resolve().parent.parent / "docs"
BAR_HEIGHT, GAP, LABEL_WIDTH, PLOT_WIDTH = 22, 14, 330, 300


def write() -> Path:
    """Render all results. Returns the page's path."""
    results = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    (DOCS / "plots").mkdir(exist_ok=True)
    parts = [
        "# Benchmarks\n",
        "Written by `make bench`. Each figure stands beside its baseline, measured in the same run on one machine;\n"
        "machines are noisy, so read the ratios.\n",
        f"This machine: {os.cpu_count()} cores, Python {platform.python_version()}.\n",
    ]
    for result in results:
        plot = DOCS / "plots" / f"{result['key']}.svg"
        plot.write_text(_svg(result))
        parts.append(_section(result))
    page = DOCS / "benchmarks.md"
    page.write_text("\n".join(parts))
    return page


def _section(result: dict[str, Any]) -> str:
    lines = [
        f"## {result['title']}\n",
        f"![{escape(result['title'])}](plots/{result['key']}.svg)\n",
        f"| | p50 ({result['unit']}) | p99 | × baseline | samples |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in result["rows"]:
        name = f"{row['name']} (baseline)" if row["is_baseline"] else row["name"]
        lines.append(f"| {name} | {row['p50']:.2f} | {row['p99']:.2f} | {row['ratio']:.2f} | {row['samples']} |")
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

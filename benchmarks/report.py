"""docs/benchmarks.md and its plots, from the results that are kept in benchmarks/results."""

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from benchmarks import plots
from benchmarks.harness import RESULTS

DOCS = Path(__file__).resolve().parent.parent / "docs"
SHARES = {"AUC", "AP", "F1"}  # between 0 and 1: a third place tells
# The parts of the page, each with the beginnings of the keys of its results.
PARTS = {
    "Runs": ("engine_", "enqueue_", "cancel", "rescue", "progress_", "cleanup", "scale_runs", "pages"),
    "Sockets": ("publish_", "fanout_"),
    "Notifications": ("notifications_",),
    "Articles": ("ingest", "feeds", "scale_articles", "relevance_", "quality_"),
    "A whole installation": ("scale_out", "soak", "audit_trail"),
}

type Figure = dict[str, Any]


def write() -> Path:
    """Render all results. Returns the page's path."""
    figures = read()
    (DOCS / "plots").mkdir(exist_ok=True)
    for figure in figures:
        (DOCS / "plots" / f"{figure['key']}.svg").write_text(plots.draw(figure))
    page = DOCS / "benchmarks.md"
    page.write_text(render(figures))
    return page


def read() -> list[Figure]:
    """The results that are kept, by their keys."""
    return [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]


def render(figures: list[Figure]) -> str:
    """The page: what is promised and what was measured at a glance, then each figure with its plot."""
    parts = [
        "# Benchmarks\n",
        "Written by `make bench` out of `benchmarks/results`. Each figure stands beside its baseline, measured in the\n"
        "same run on one machine; machines are noisy, so read the ratios. One benchmark alone:\n"
        "`make bench ONLY=cancel`. Targets that are not reached, and why:\n"
        "[figures-not-reached](decisions/figures-not-reached.md).\n",
        f"Measured on {_of_all(figures, 'cores')} cores, Python {_of_all(figures, 'python')}.\n",
    ]
    for name, members in _parts(figures):
        parts += [f"## {name}\n", *_overview(members)]
        parts += [_section(figure) for figure in members]
    return "\n".join(parts)


def _parts(figures: list[Figure]) -> Iterator[tuple[str, list[Figure]]]:
    left = list(figures)
    for name, beginnings in PARTS.items():
        members = [figure for figure in left if figure["key"].startswith(beginnings)]
        left = [figure for figure in left if figure not in members]
        if members:
            yield name, members
    if left:
        raise SystemExit(f"No part of the page is for {', '.join(figure['key'] for figure in left)}: see PARTS.")


def _overview(figures: list[Figure]) -> list[str]:
    lines = ["| figure | baseline | ours | × | target |", "|---|---:|---:|---:|---|"]
    for figure in figures:
        baseline = next(row for row in figure["rows"] if row["is_baseline"])
        ours = _ours(figure)
        number = _number(figure)
        lines.append(
            f"| [{figure['title']}](#{anchor(figure['title'])}) | {number(baseline['p50'])} {figure['unit']} "
            f"| {number(ours['p50'])} | {ours['ratio']:.2f} | {figure['target']} |"
        )
    return [*lines, ""]


def _ours(figure: Figure) -> dict[str, Any]:
    """Of several rows of ours the first that is named so; where all are ours, the one furthest from the baseline."""
    others = [row for row in figure["rows"] if not row["is_baseline"]]
    named: Iterator[dict[str, Any]] = (row for row in others if row["name"].startswith("statusproj"))
    return next(named, None) or max(others, key=lambda row: row["ratio"])


def anchor(title: str) -> str:
    """The fragment by which a heading is found: words in small letters, joined by hyphens."""
    words = "".join(letter if letter.isalnum() or letter in " -_" else "" for letter in title.lower())
    return "-".join(words.split())


def _of_all(figures: list[Figure], what: str) -> str:
    return " or ".join(sorted({str(figure[what]) for figure in figures}))


def _number(figure: Figure) -> Any:
    return "{:.3f}".format if figure["unit"] in SHARES else "{:.2f}".format


def _section(figure: Figure) -> str:
    number = _number(figure)
    lines = [
        f"### {figure['title']}\n",
        f"![{escape(figure['title'])}](plots/{figure['key']}.svg)\n",
        f"| | p50 ({figure['unit']}) | p99 | × baseline | samples |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in figure["rows"]:
        name = f"{row['name']} (baseline)" if row["is_baseline"] else row["name"]
        lines.append(
            f"| {name} | {number(row['p50'])} | {number(row['p99'])} | {row['ratio']:.2f} | {row['samples']} |"
        )
    versions = ", ".join(f"{name} {version}" for name, version in figure["versions"].items())
    lines += ["", f"Target: {figure['target']}." + (f" With {versions}." if versions else "")]
    if "load" in figure:
        lines.append(f"Load of the machine meanwhile: {figure['load']:.1f}, on {figure['cores']} cores.")
    told = lines[-1]
    for note in figure["notes"]:
        if note.startswith("|") != told.startswith("|"):
            lines.append("")
        told = note if note.startswith("|") or note.endswith((".", ":")) else f"{note}."
        lines.append(told)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(f"Written: {write()}")

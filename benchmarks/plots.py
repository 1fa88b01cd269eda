"""The drawings of docs/benchmarks.md: SVG that is legible on light and dark pages alike."""

from html import escape
from typing import Any

BAR_HEIGHT, GAP, LABEL_WIDTH, PLOT_WIDTH = 22, 14, 330, 300
LINES_WIDTH, LINES_HEIGHT, MARGIN = 560, 240, 48
LABEL_HEIGHT, LETTER_WIDTH = 15, 8
GREY, BLUE = "#8a94a6", "#3b6fd4"
COLOURS = (BLUE, "#c2571a", "#2f8f5b", "#8a4fc7", "#b0892b", GREY)


def draw(figure: dict[str, Any]) -> str:
    """Lines where the figure has any, else a bar for each of its rows."""
    width, height, drawn = _lines(figure) if figure.get("lines") else _bars(figure)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(figure["title"])}" font-family="system-ui, sans-serif" font-size="13" fill="#6b7789">'
        f"{drawn}</svg>\n"
    )


def _bars(figure: dict[str, Any]) -> tuple[int, int, str]:
    """Horizontal bars of the medians."""
    rows = figure["rows"]
    longest = max(row["p50"] for row in rows) or 1
    bars = []
    for place, row in enumerate(rows):
        top = GAP + place * (BAR_HEIGHT + GAP)
        length = max(1, PLOT_WIDTH * row["p50"] / longest)
        fill = GREY if row["is_baseline"] else BLUE
        middle = top + BAR_HEIGHT * 0.7
        name = row["name"] if len(row["name"]) <= 50 else row["name"][:49] + "…"
        bars.append(
            f'<text x="{LABEL_WIDTH - 8}" y="{middle}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{LABEL_WIDTH}" y="{top}" width="{length:.1f}" height="{BAR_HEIGHT}" rx="3" fill="{fill}"/>'
            f'<text x="{LABEL_WIDTH + length + 8:.1f}" y="{middle}">{row["p50"]:.2f} {escape(figure["unit"])}</text>'
        )
    return LABEL_WIDTH + PLOT_WIDTH + 90, len(rows) * (BAR_HEIGHT + GAP) + GAP, "".join(bars)


def _lines(figure: dict[str, Any]) -> tuple[int, int, str]:
    """A line through each series of points, both axes from 0. No name stands over another."""
    series, (x_unit, y_unit) = figure["lines"], figure["line_units"]
    right = max(x for points in series.values() for x, _ in points) or 1
    top = 1.1 * max(y for points in series.values() for _, y in points) or 1
    drawn, ends = [], []
    for share in (0, 0.25, 0.5, 0.75, 1):
        x, y = MARGIN + share * LINES_WIDTH, GAP + (1 - share) * LINES_HEIGHT
        drawn.append(
            f'<path d="M{MARGIN} {y:.1f}h{LINES_WIDTH}" stroke="{GREY}" stroke-opacity=".3"/>'
            f'<text x="{MARGIN - 6}" y="{y + 4:.1f}" text-anchor="end">{share * top:.0f}</text>'
            f'<text x="{x:.1f}" y="{GAP + LINES_HEIGHT + 18}" text-anchor="middle">{share * right:.0f}</text>'
        )
    drawn.append(f'<text x="{MARGIN}" y="{GAP + LINES_HEIGHT + 36}">{escape(f"{y_unit} over {x_unit}")}</text>')
    for place, (name, points) in enumerate(series.items()):
        colour = COLOURS[place % len(COLOURS)]
        path = " ".join(
            f"{MARGIN + x / right * LINES_WIDTH:.1f},{GAP + (1 - y / top) * LINES_HEIGHT:.1f}" for x, y in points
        )
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        ends.append((GAP + (1 - points[-1][1] / top) * LINES_HEIGHT + 4, name, colour))
    lowest = 0.0
    for at, name, colour in sorted(ends):
        lowest = max(at, lowest + LABEL_HEIGHT)
        drawn.append(f'<text x="{MARGIN + LINES_WIDTH + 8}" y="{lowest:.1f}" fill="{colour}">{escape(name)}</text>')
    width = MARGIN + LINES_WIDTH + 16 + LETTER_WIDTH * max(map(len, series))
    return width, GAP + LINES_HEIGHT + 48, "".join(drawn)

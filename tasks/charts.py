"""Bar charts as SVG, drawn on the server: the one place that draws, for whatever there is to look at.

A chart is numbers in a row of slots (hours, days) for one or more series. What is drawn is also said: in a sentence, in
the totals beside the names of the series, and in a table of the same numbers. No colour is alone: each series has a
pattern of its own. Nothing here is a style: colours and patterns belong to classes (charts.css).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

SLOT, GAP, HEIGHT = 10, 2, 100  # of the drawing, in its own units
LEAST = 2.0  # one beside thousands is still seen


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """Numbers of one kind. `look`: good, bad, neutral, plain or pale; `note`: what they come to, beside the name."""

    name: str
    look: str
    values: Sequence[float | None]
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bars:
    """A series as it is drawn: one path."""

    name: str
    look: str
    note: str
    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A slot of the table: its name, and a text for each series."""

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """What the template of a chart needs. `bars` is empty when there is nothing to draw; `rows`: the newest first."""

    id: str
    title: str
    words: str
    slot_name: str
    bars: tuple[Bars, ...]
    top: str
    marks: tuple[str, ...]
    rows: tuple[Row, ...]
    width: int

    height = HEIGHT

    @property
    def columns(self) -> tuple[str, ...]:
        """The heads of the table."""
        return (self.slot_name, *(bars.name for bars in self.bars))


def bar_chart(
    *,
    id: str,
    title: str,
    words: str,
    slot_name: str,
    slots: Sequence[str],
    series: Sequence[Series],
    say: Callable[[float], str],
    marks: Sequence[str] = (),
    stacked: bool = True,
) -> Chart:
    """Bars for `series` over `slots`, oldest first: on top of each other, or (not `stacked`) in front of each other.

    `say`: a number as a text. `marks`: what stands under the first slot of each of as many equal parts. Slots with
    nothing in them are left out of the table.
    """
    heights = [[max(0.0, number or 0.0) for number in one.values] for one in series]
    reached = [sum(column) if stacked else max(column) for column in zip(*heights, strict=True)]
    most = max(reached, default=0.0)
    bars: list[Bars] = []
    if most:
        floors = [0.0] * len(slots)
        for one, numbers in zip(series, heights, strict=True):
            path, floors = _path(numbers, floors if stacked else [0.0] * len(slots), most)
            bars.append(Bars(name=one.name, look=one.look, note=one.note, path=path))
    rows = [
        Row(name=name, cells=tuple("" if one.values[place] is None else say(one.values[place] or 0) for one in series))
        for place, name in enumerate(slots)
        if reached[place]
    ]
    return Chart(
        id=id,
        title=title,
        words=words,
        slot_name=slot_name,
        bars=tuple(bars),
        top=say(most),
        marks=tuple(marks),
        rows=tuple(reversed(rows)),
        width=len(slots) * SLOT,
    )


def _path(numbers: Sequence[float], floors: Sequence[float], most: float) -> tuple[str, list[float]]:
    """The bars of one series that stand on `floors`, and what the next one stands on."""
    drawn, tops = [], []
    for place, (number, floor) in enumerate(zip(numbers, floors, strict=True)):
        height = min(HEIGHT - floor, max(LEAST, number / most * HEIGHT)) if number else 0.0
        if height > 0:
            x, y = place * SLOT + GAP / 2, HEIGHT - floor
            drawn.append(f"M{x:g} {y:.4g}v-{height:.4g}h{SLOT - GAP}v{height:.4g}z")
        tops.append(floor + max(0.0, height))
    return "".join(drawn), tops

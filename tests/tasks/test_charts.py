"""A chart draws what its table says."""

import re

from tasks.charts import HEIGHT, LEAST, Chart, Series, bar_chart
from tasks.history_charts import about


def chart(*series: Series, stacked: bool = True) -> Chart:
    """A chart of a few slots named a, b, c, …"""
    slots = [chr(97 + place) for place in range(len(series[0].values))]
    return bar_chart(
        id="x",
        title="X",
        words="",
        slot_name="Slot",
        slots=slots,
        series=series,
        say=lambda n: f"{n:g}",
        stacked=stacked,
    )


def heights(path: str) -> list[float]:
    """How high the bars of a path are, from left to right."""
    return [float(height) for height in re.findall(r"v-([\d.]+)h", path)]


def floors(path: str) -> list[float]:
    """What they stand on."""
    return [HEIGHT - float(y) for y in re.findall(r"M[\d.]+ ([\d.]+)v", path)]


def test_the_highest_bar_fills_the_drawing_and_the_others_are_in_proportion() -> None:
    [bars] = chart(Series(name="n", look="good", values=[1, 0, 4, 2])).bars
    assert heights(bars.path) == [25, 100, 50]


def test_stacked_bars_stand_on_each_other_and_fill_the_drawing_together() -> None:
    lower, upper = chart(Series(name="a", look="good", values=[3, 1]), Series(name="b", look="bad", values=[1, 0])).bars
    assert (heights(lower.path), heights(upper.path)) == ([75, 25], [25])
    assert floors(upper.path) == [75]


def test_bars_that_are_not_stacked_stand_on_the_ground() -> None:
    for bars in chart(
        Series(name="a", look="pale", values=[4, None]), Series(name="b", look="plain", values=[1, 2]), stacked=False
    ).bars:
        assert set(floors(bars.path)) == {0}


def test_one_beside_thousands_is_seen_and_nothing_leaves_the_drawing() -> None:
    many, one = chart(Series(name="a", look="good", values=[9999, 1]), Series(name="b", look="bad", values=[1, 0])).bars
    assert heights(many.path)[1] == LEAST
    assert floors(one.path)[0] + heights(one.path)[0] <= HEIGHT


def test_the_table_says_the_newest_first_and_leaves_out_what_is_empty() -> None:
    rows = chart(
        Series(name="a", look="good", values=[1, 0, None, 3]), Series(name="b", look="bad", values=[2, 0, 0, 0])
    ).rows
    assert [(row.name, row.cells) for row in rows] == [("d", ("3", "0")), ("a", ("1", "2"))]


def test_with_nothing_there_is_nothing_to_draw() -> None:
    assert chart(Series(name="a", look="good", values=[0, None])).bars == ()


def test_durations_are_said_to_two_figures() -> None:
    said = [about(seconds) for seconds in (0.0012, 0.0123, 0.124, 0.9, 1, 3.42, 9.96, 125, 4000)]
    assert said == ["1.2 ms", "12 ms", "120 ms", "900 ms", "1.0 s", "3.4 s", "10 s", "2 min 5 s", "1 h 6 min"]

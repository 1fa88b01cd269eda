"""The last 24 hours as charts: how runs ended, and how long those took that completed."""

from collections.abc import Sequence

from django.utils import timezone
from django.utils.formats import date_format

from .charts import Chart, Series, bar_chart
from .history import HOURS, Hour
from .presenters import WORDS, duration_text
from .states import Status

LOOKS = ((Status.COMPLETED, "good"), (Status.FAILED, "bad"), (Status.CANCELLED, "neutral"))
PARTS = 4  # of the axis, with the time under the first hour of each


def outcomes_chart(hours: Sequence[Hour]) -> Chart:
    """Runs per hour by how they ended."""
    totals = {status: sum(hour.ended.get(status, 0) for hour in hours) for status, _ in LOOKS}
    ended = sum(totals.values())
    words = f"{_runs(ended)} ended in the last {HOURS} hours." if ended else f"No run ended in the last {HOURS} hours."
    if totals[Status.FAILED]:
        words += f" {totals[Status.FAILED] / ended:.1%} of them failed."
    return bar_chart(
        id="chart-outcomes",
        title="Runs per hour",
        words=words,
        slot_name="Hour from",
        slots=_names(hours),
        marks=_marks(hours),
        series=[
            Series(
                name=WORDS[status][0],
                look=look,
                values=[hour.ended.get(status, 0) for hour in hours],
                note=f"{totals[status]:,}",
            )
            for status, look in LOOKS
        ],
        say=lambda number: f"{number:,.0f}",
    )


def durations_chart(hours: Sequence[Hour]) -> Chart:
    """How long completed runs took, per hour: half of them at most so long, and 95 of 100."""
    whole = Hour(start=hours[-1].start, ended={}, steps=_together(hours))
    half, most = whole.seconds(0.5), whole.seconds(0.95)
    words = f"No run completed in the last {HOURS} hours."
    if half is not None and most is not None:
        words = f"Half of them took {about(half)} at most, 95 of 100 {about(most)}, to within 9 %."
    return bar_chart(
        id="chart-durations",
        title="How long they took",
        words=words,
        slot_name="Hour from",
        slots=_names(hours),
        marks=_marks(hours),
        # The longer one first: the shorter one stands in front of it.
        series=[
            Series(
                name="95 of 100 (p95)",
                look="pale",
                values=[hour.seconds(0.95) for hour in hours],
                note=about(most) if most is not None else "",
            ),
            Series(
                name="Half (p50)",
                look="plain",
                values=[hour.seconds(0.5) for hour in hours],
                note=about(half) if half is not None else "",
            ),
        ],
        say=about,
        stacked=False,
    )


def about(seconds: float) -> str:
    """A duration that is known to two figures: `12 ms`, `3.4 s`, `2 min 5 s`."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.2g} ms" if seconds < 0.0995 else f"{round(seconds * 1000, -1):.0f} ms"
    return f"{seconds:.1f} s" if seconds < 9.95 else duration_text(round(seconds))


def _together(hours: Sequence[Hour]) -> dict[int, int]:
    steps: dict[int, int] = {}
    for hour in hours:
        for step, number in hour.steps.items():
            steps[step] = steps.get(step, 0) + number
    return steps


def _runs(number: int) -> str:
    return f"{number:,} run{'' if number == 1 else 's'}"


def _names(hours: Sequence[Hour]) -> list[str]:
    return [date_format(timezone.localtime(hour.start), "D H:i") for hour in hours]


def _marks(hours: Sequence[Hour]) -> list[str]:
    return [date_format(timezone.localtime(hour.start), "H:i") for hour in hours[:: len(hours) // PARTS]]

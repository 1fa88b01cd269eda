"""The last 24 hours as charts: how runs ended, and how long those took that completed."""

from collections.abc import Sequence

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from live.numbers import grouped

from .charts import Chart, Series, bar_chart
from .history import HOURS, Hour
from .presenters import WORDS_OF_MANY, duration_text
from .states import Status

LOOKS = ((Status.COMPLETED, "good"), (Status.FAILED, "bad"), (Status.CANCELLED, "neutral"))
PARTS = 4  # of the axis, with the time under the first hour of each


def outcomes_chart(hours: Sequence[Hour]) -> Chart:
    """Runs per hour by how they ended."""
    totals = {status: sum(hour.ended.get(status, 0) for hour in hours) for status, _look in LOOKS}
    ended = sum(totals.values())
    words = _("No run ended in the last %(hours)s hours.")
    if ended:
        words = ngettext(
            "%(count)s run ended in the last %(hours)s hours.",
            "%(count)s runs ended in the last %(hours)s hours.",
            ended,
        )
    words = words % {"count": grouped(ended), "hours": HOURS}
    if totals[Status.FAILED]:
        share = number_format(f"{100 * totals[Status.FAILED] / ended:.1f}")
        words += " " + _("%(share)s%% of them failed.") % {"share": share}
    return bar_chart(
        id="chart-outcomes",
        title=_("Runs per hour"),
        words=words,
        slot_name=_("Hour from"),
        slots=_names(hours),
        marks=_marks(hours),
        series=[
            Series(
                name=str(WORDS_OF_MANY[status]),
                look=look,
                values=[hour.ended.get(status, 0) for hour in hours],
                note=grouped(totals[status]),
            )
            for status, look in LOOKS
        ],
        say=grouped,
    )


def durations_chart(hours: Sequence[Hour]) -> Chart:
    """How long completed runs took, per hour: half of them at most so long, and 95 of 100."""
    whole = Hour(start=hours[-1].start, ended={}, steps=_together(hours))
    half, most = whole.seconds(0.5), whole.seconds(0.95)
    words = _("No run completed in the last %(hours)s hours.") % {"hours": HOURS}
    if half is not None and most is not None:
        words = _("Half of them took %(half)s at most, 95 of 100 %(most)s, to within 9 %%.")
        words = words % {"half": about(half), "most": about(most)}
    return bar_chart(
        id="chart-durations",
        title=_("How long they took"),
        words=words,
        slot_name=_("Hour from"),
        slots=_names(hours),
        marks=_marks(hours),
        # The longer one first: the shorter one stands in front of it.
        series=[
            Series(
                name=_("95 of 100 (p95)"),
                look="pale",
                values=[hour.seconds(0.95) for hour in hours],
                note=about(most) if most is not None else "",
            ),
            Series(
                name=_("Half (p50)"),
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
        figures = f"{seconds * 1000:.2g}" if seconds < 0.0995 else f"{round(seconds * 1000, -1):.0f}"
        return _("%(milliseconds)s ms") % {"milliseconds": number_format(figures)}
    if seconds < 9.95:
        return _("%(seconds)s s") % {"seconds": number_format(f"{seconds:.1f}")}
    return duration_text(round(seconds))


def _together(hours: Sequence[Hour]) -> dict[int, int]:
    steps: dict[int, int] = {}
    for hour in hours:
        for step, number in hour.steps.items():
            steps[step] = steps.get(step, 0) + number
    return steps


def _names(hours: Sequence[Hour]) -> list[str]:
    return [date_format(timezone.localtime(hour.start), pgettext("date format", "D H:i")) for hour in hours]


def _marks(hours: Sequence[Hour]) -> list[str]:
    return [date_format(timezone.localtime(hour.start), "H:i") for hour in hours[:: len(hours) // PARTS]]

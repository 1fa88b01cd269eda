"""Articles added per day as a small drawing, made on the server, and in words for those who do not see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ingest.lists.numbers import DAYS
from ingest.wording import short_day
from live.numbers import grouped

STEP, BAR, HEIGHT = 4, 3, 24  # of the drawing, in its own units
LEAST = 2  # a day with one article among days with hundreds is still seen


@dataclass(frozen=True, kw_only=True, slots=True)
class Sparkline:
    """The last 30 days. `path`: the bars, for an SVG of `width` and `height`; `words`: the same to be read out."""

    path: str
    total: int
    words: str

    width = DAYS * STEP
    height = HEIGHT


def sparkline_of(added: Mapping[date, int], today: date) -> Sparkline:
    """`added`: how many on each day; days may be left out. The last bar is today's."""
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    counts = [max(0, added.get(day, 0)) for day in days]
    most, total = max(counts), sum(counts)
    bars = []
    for place, count in enumerate(counts):
        if count:
            height = max(LEAST, round(HEIGHT * count / most))
            bars.append(f"M{place * STEP} {HEIGHT}v-{height}h{BAR}v{height}z")
    said = ", ".join(f"{short_day(day)}: {grouped(n)}" for day, n in zip(days, counts, strict=True) if n)
    words = (
        f"{added_lately(total)} {said}." if total else _("Nothing added in the last %(days)s days.") % {"days": DAYS}
    )
    return Sparkline(path="".join(bars), total=total, words=words)


def added_lately(total: int) -> str:
    """`12 added in the last 30 days.`"""
    said = ngettext("%(count)s added in the last %(days)s days.", "%(count)s added in the last %(days)s days.", total)
    return said % {"count": grouped(total), "days": DAYS}

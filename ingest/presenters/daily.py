"""Articles added per day as a chart, over all topics somebody may see."""

from datetime import UTC, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from ingest import access
from ingest.lists.numbers import DAYS
from ingest.models import ArticleCount
from ingest.wording import short_day
from live.numbers import grouped
from tasks.access import Viewer
from tasks.charts import Chart, Series, bar_chart

from .sparkline import added_lately

PARTS = 5  # of the axis, with the day under the first bar of each


def articles_chart(viewer: Viewer) -> Chart:
    """The last 30 days (UTC), today last. One query, on a table of counts."""
    today = timezone.now().astimezone(UTC).date()
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    counts = ArticleCount.objects.all()
    if not access.sees_all_topics(viewer):
        counts = counts.filter(topic__in=access.visible_topics(viewer).order_by().values("pk"))
    added = counts.added_per_day(days[0])
    values = [max(0, added.get(day, 0)) for day in days]
    total = sum(values)
    names = [short_day(day) for day in days]
    return bar_chart(
        id="chart-articles",
        title=_("Articles per day"),
        words=added_lately(total) if total else _("None was added in the last %(days)s days.") % {"days": DAYS},
        slot_name=_("Day (UTC)"),
        slots=names,
        marks=names[:: DAYS // PARTS],
        series=[Series(name=_("Added"), look="plain", values=values, note=grouped(total))],
        say=grouped,
    )

"""How all runs stand, in numbers that cost the same however many there are: for whoever measures."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from django.db.models import Count

from .history import HOURS, Hour
from .models import RunCount, RunHour, TaskRun


def by_status() -> dict[str, int]:
    """How many runs there are in each status. One query, of the counted numbers."""
    summary = RunCount.objects.summary()
    summary.pop("total", None)
    return summary


def live_by_task(most: int) -> list[tuple[str, str, int]]:
    """Task, status and how many, of what waits and runs; the `most` frequent. Costs what is live, not what was."""
    rows = TaskRun.objects.live().order_by().values_list("task", "status").annotate(number=Count("pk"))
    return list(rows.order_by("-number", "task", "status")[:most])


def last_day(now: datetime) -> Hour:
    """What ended in the last 24 hours, as if they were one hour: everybody's. One query, of the counted numbers."""
    this_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    start = this_hour - timedelta(hours=HOURS - 1)
    ended: Counter[str] = Counter()
    steps: Counter[int] = Counter()
    for _, status, step, number in RunHour.objects.of(None).ended_since(start):
        ended[status] += number
        if step is not None:
            steps[step] += number
    return Hour(start=start, ended=ended, steps=steps)

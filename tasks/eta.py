"""How much longer a run will take, if that can be said honestly."""

from datetime import datetime, timedelta

from django.utils import timezone

from .models import TaskRun
from .states import Status

MIN_ELAPSED = timedelta(seconds=5)
MIN_ITEMS = 3


def eta_seconds(run: TaskRun, now: datetime | None = None) -> int | None:
    """Seconds until `run` ends at its average rate so far; None while that would be a guess."""
    if run.status != Status.RUNNING or run.started_at is None or not run.total_items:
        return None
    elapsed = (now or timezone.now()) - run.started_at
    if elapsed < MIN_ELAPSED or run.processed_items < MIN_ITEMS:
        return None
    remaining = run.total_items - run.processed_items
    return round(elapsed.total_seconds() / run.processed_items * remaining)

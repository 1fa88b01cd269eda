"""What waits and runs at this moment: looked at once, told to all parts of a page that ask."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, DateTimeField, Max, Min, Q
from django.db.models.expressions import RawSQL
from django.utils import timezone

from .models import QueueState, TaskRun
from .states import Status


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One queue. `ready_since`: when the run was made that has waited longest of those that could start."""

    waiting: int = 0
    running: int = 0
    ready_since: datetime | None = None
    last_started: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Lines:
    """Every queue with something live in it, and the paused ones.

    `heard`: the last sign of life of any worker; None when there was none, or when nothing is live.
    """

    lines: Mapping[str, Line] = field(default_factory=dict)
    paused: Mapping[str, QueueState] = field(default_factory=dict)
    heard: datetime | None = None

    @property
    def paused_since(self) -> dict[str, datetime]:
        """The paused queues, and since when."""
        return {name: state.paused_at for name, state in self.paused.items() if state.paused_at is not None}

    def ready_since(self, *, paused: bool = True) -> datetime | None:
        """Since when a run waits that could start; not `paused`: leaving out what waits in paused queues."""
        lines = [line for name, line in self.lines.items() if paused or name not in self.paused]
        return min((line.ready_since for line in lines if line.ready_since is not None), default=None)


def look(now: datetime | None = None) -> Lines:
    """How every queue stands. Two queries, the second one short."""
    now = now or timezone.now()
    ready = Q(status=Status.PENDING) & (Q(run_after=None) | Q(run_after__lte=now))
    rows = (
        TaskRun.objects.live()
        .order_by()
        .values("queue")
        .annotate(
            waiting=Count("pk", filter=Q(status=Status.PENDING)),
            running=Count("pk", filter=Q(status=Status.RUNNING)),
            ready_since=Min("created_at", filter=ready),
            last_started=Max("started_at", filter=Q(status=Status.RUNNING)),
            heard=RawSQL("(SELECT max(last_heartbeat) FROM procrastinate_workers)", [], DateTimeField()),
        )
    )
    found = list(rows.values_list("queue", "waiting", "running", "ready_since", "last_started", "heard"))
    lines = {
        queue: Line(waiting=waiting, running=running, ready_since=ready_since, last_started=last_started)
        for queue, waiting, running, ready_since, last_started, _ in found
    }
    paused = {state.name: state for state in QueueState.objects.exclude(paused_at=None)}
    return Lines(lines=lines, paused=paused, heard=found[0][-1] if found else None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """How many runs are running, by whose they are, which worker has them, and which concurrency key."""

    of_owner: Mapping[int | None, int]
    on_worker: Mapping[str, int]
    of_key: Mapping[str, int]


def running_now() -> Running:
    """All that runs, counted. One query: more than all workers have places for is never there."""
    rows = list(
        TaskRun.objects.filter(status=Status.RUNNING).order_by().values_list("owner_id", "worker", "concurrency_key")
    )
    return Running(
        of_owner=Counter(owner for owner, _, _ in rows),
        on_worker=Counter(worker for _, worker, _ in rows),
        of_key=Counter(key for _, _, key in rows if key),
    )

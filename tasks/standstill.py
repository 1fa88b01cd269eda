"""Does the line of waiting runs move? If not, whoever waits is told so, and since when."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Min, Q
from django.utils import timezone

from . import tickets
from .models import TaskRun
from .queues import paused_since
from .reconcile import DEAD_AFTER
from .states import Status

# A worker takes up a waiting run within milliseconds and says every two seconds that it is alive.
PATIENCE = timedelta(seconds=20)
SILENCE = DEAD_AFTER + timedelta(seconds=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Standstill:
    """Runs wait that could run. `worker_heard`: when a worker last gave a sign of life, if one ever did.

    With `queue`: they wait because that queue is paused since `paused_since`.
    """

    waiting_since: datetime
    worker_heard: datetime | None = None
    no_worker: bool = False
    queue: str = ""
    paused_since: datetime | None = None


def find_standstill(now: datetime | None = None, *, queue: str = "") -> Standstill | None:
    """Why nobody takes up what waits: its queue is paused, no worker is alive, or nothing runs although it could.

    With `queue`: what somebody is told who waits in it. One query while nothing waits, three or four otherwise.
    """
    now = now or timezone.now()
    ready = Q(status=Status.PENDING) & (Q(run_after=None) | Q(run_after__lte=now))
    waiting = TaskRun.objects.live().filter(ready).aggregate(since=Min("created_at"))["since"]
    if waiting is None:
        return None
    paused = paused_since()
    if queue in paused:
        return Standstill(waiting_since=waiting, queue=queue, paused_since=paused[queue])
    return _no_movement(now, ready, set(paused)) or (None if queue else _paused(ready, paused))


def _no_movement(now: datetime, ready: Q, paused: set[str]) -> Standstill | None:
    line = TaskRun.objects.live().aggregate(
        running=Max("started_at", filter=Q(status=Status.RUNNING)),
        waiting=Min("created_at", filter=ready & ~Q(queue__in=paused)),
    )
    waiting = line["waiting"]
    if waiting is None:
        return None
    heard = tickets.last_heartbeat()
    no_worker = (heard is None or heard < now - SILENCE) and waiting < now - SILENCE
    stands = line["running"] is None and waiting < now - PATIENCE
    if not (no_worker or stands):
        return None
    return Standstill(waiting_since=waiting, worker_heard=heard, no_worker=no_worker)


def _paused(ready: Q, paused: dict[str, datetime]) -> Standstill | None:
    """The paused queue in which somebody has waited longest."""
    if not paused:
        return None
    first = TaskRun.objects.live().filter(ready, queue__in=paused).order_by("created_at").values("queue", "created_at")
    row = first.first()
    if row is None:
        return None
    return Standstill(waiting_since=row["created_at"], queue=row["queue"], paused_since=paused[row["queue"]])

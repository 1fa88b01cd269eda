"""Does the line of waiting runs move? If not, whoever waits is told so, and since when."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Min, Q
from django.utils import timezone

from . import tickets
from .models import TaskRun
from .states import Status

# A worker takes up a waiting run within milliseconds and says every second that it is alive.
PATIENCE = timedelta(seconds=20)
SILENCE = timedelta(seconds=10)


@dataclass(frozen=True, kw_only=True, slots=True)
class Standstill:
    """Runs wait that could run. `worker_heard`: when a worker last gave a sign of life, if one ever did."""

    waiting_since: datetime
    worker_heard: datetime | None
    no_worker: bool


def find_standstill(now: datetime | None = None) -> Standstill | None:
    """Why nobody takes up what waits: no worker is alive, or nothing runs although something could.

    One query while nothing waits, two otherwise.
    """
    now = now or timezone.now()
    ready = Q(status=Status.PENDING) & (Q(run_after=None) | Q(run_after__lte=now))
    line = TaskRun.objects.live().aggregate(
        running=Max("started_at", filter=Q(status=Status.RUNNING)),
        waiting=Min("created_at", filter=ready),
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

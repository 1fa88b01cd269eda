"""Does the line of waiting runs move? If not, whoever waits is told so, and since when."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from .lines import Lines, look
from .reconcile import DEAD_AFTER

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


def find_standstill(now: datetime | None = None, *, queue: str = "", seen: Lines | None = None) -> Standstill | None:
    """Why nobody takes up what waits: its queue is paused, no worker is alive, or nothing runs although it could.

    With `queue`: what somebody is told who waits in it. Two queries, none for what was `seen` already.
    """
    now = now or timezone.now()
    seen = seen or look(now)
    waiting = seen.ready_since()
    if waiting is None:
        return None
    if queue in seen.paused:
        return Standstill(waiting_since=waiting, queue=queue, paused_since=seen.paused_since[queue])
    return _no_movement(now, seen) or (None if queue else _paused(seen))


def _no_movement(now: datetime, seen: Lines) -> Standstill | None:
    waiting = seen.ready_since(paused=False)
    if waiting is None:
        return None
    no_worker = (seen.heard is None or seen.heard < now - SILENCE) and waiting < now - SILENCE
    runs = any(line.running for line in seen.lines.values())
    if not (no_worker or (not runs and waiting < now - PATIENCE)):
        return None
    return Standstill(waiting_since=waiting, worker_heard=seen.heard, no_worker=no_worker)


def _paused(seen: Lines) -> Standstill | None:
    """The paused queue in which somebody has waited longest."""
    since = {name: seen.lines[name].ready_since for name in seen.paused if name in seen.lines}
    waiting = {name: moment for name, moment in since.items() if moment is not None}
    if not waiting:
        return None
    first = min(waiting, key=lambda name: waiting[name])
    return Standstill(waiting_since=waiting[first], queue=first, paused_since=seen.paused_since[first])

"""What staff see of workers: who is there, how busy, what it takes, and whether it has had trouble."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from . import workers
from .lines import Running, running_now


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerLine:
    """One worker that is there. `in_trouble`: a part of it had to be started again a moment ago."""

    name: str
    place: str
    started_at: datetime
    heard_at: datetime
    running: int
    concurrency: int
    queues: str
    restarts: int
    restarted_at: datetime | None
    trouble: str
    in_trouble: bool


def present_workers(running: Running | None = None) -> list[WorkerLine]:
    """Every worker that is there, by name. Two queries, however many there are; one when what runs is known."""
    there = workers.overview()
    if not there:
        return []
    busy = (running or running_now()).on_worker
    return [
        WorkerLine(
            name=one.name,
            place=place_of(one.name),
            started_at=one.started_at,
            heard_at=one.heard_at,
            running=busy.get(one.name, 0),
            concurrency=one.concurrency,
            queues=_queues(one.queues),
            restarts=one.restarts,
            restarted_at=one.restarted_at,
            trouble=one.trouble,
            # Both times are the database's.
            in_trouble=one.restarted_at is not None and one.heard_at - one.restarted_at <= workers.LATELY,
        )
        for one in there
    ]


def place_of(name: str) -> str:
    """`web-1, process 4711`, from a worker's name."""
    host, _colon, rest = name.partition(":")
    process = rest.partition(":")[0]
    return _("%(host)s, process %(process)s") % {"host": host, "process": process} if process else name


def _queues(names: Sequence[str] | None) -> str:
    return _("every queue") if names is None else _("only %(queues)s") % {"queues": ", ".join(names)}

"""What staff see of workers: who is there, how busy, what it takes, and whether it has had trouble."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from . import workers
from .models import TaskRun
from .states import Status


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerLine:
    """One worker that is there. `in_trouble`: a part of it had to be started again a moment ago."""

    name: str
    place: str
    started_at: datetime
    running: int
    concurrency: int
    queues: str
    restarts: int
    restarted_at: datetime | None
    trouble: str
    in_trouble: bool


def present_workers() -> list[WorkerLine]:
    """Every worker that is there, by name. Two queries, however many there are."""
    there = workers.overview()
    if not there:
        return []
    running = TaskRun.objects.live().filter(status=Status.RUNNING).order_by()
    busy = Counter(running.values_list("worker", flat=True))
    return [
        WorkerLine(
            name=one.name,
            place=place_of(one.name),
            started_at=one.started_at,
            running=busy[one.name],
            concurrency=one.concurrency,
            queues="every queue" if one.queues is None else f"only {', '.join(one.queues)}",
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
    host, _, rest = name.partition(":")
    process = rest.partition(":")[0]
    return f"{host}, process {process}" if process else name

"""What workers say of themselves: who is there, what it takes, whether parts of it had to be started again.

A worker keeps its vitals in memory and writes them down every few seconds; while that fails, nothing else does. Whether
a worker is alive is told by the engine's heartbeat alone (reconcile.py): these rows are for people and for health.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now

from .db import in_thread
from .models import WorkerState
from .text import fit, mask_secrets

logger = logging.getLogger(__name__)

WRITE_EVERY = 5.0  # seconds
SILENT_AFTER = timedelta(seconds=15)  # three writes missed
LATELY = timedelta(minutes=2)
FORGET_AFTER = timedelta(days=1)
MAX_TROUBLE = 300  # characters


class Vitals:
    """How one worker is doing. Noting something is a few assignments: it can harm nobody."""

    def __init__(self, name: str, *, concurrency: int = 1, queues: Sequence[str] | None = None) -> None:
        self.name = name
        self.concurrency = concurrency
        self.queues = None if queues is None else list(queues)
        self.restarts = 0
        self.trouble = ""
        self._restarted: float | None = None
        self._news = asyncio.Event()

    def restarted(self, part: str, error: BaseException | None) -> None:
        """A part had ended and was started again. Called on the worker's loop."""
        self.restarts += 1
        self.trouble = _in_short(part, error)
        self._restarted = asyncio.get_running_loop().time()
        self._news.set()

    async def keep_writing(self) -> None:
        """Write them down now, every few seconds, and soon after news; for ever."""
        row = WorkerState(name=self.name, concurrency=self.concurrency, queues=self.queues)
        first = True
        while True:
            self._news.clear()
            row.restarts, row.trouble, ago = self.restarts, self.trouble, self._restarted_ago()
            try:
                await in_thread(register if first else heard, row, restarted_ago=ago)
                first = False
            except Exception as error:
                logger.info("The worker could not describe itself (%r); trying again", error)
            await asyncio.sleep(1)  # a part that fails again and again is no reason to write all the time
            try:
                await asyncio.wait_for(self._news.wait(), WRITE_EVERY - 1)
            except TimeoutError:
                continue

    def _restarted_ago(self) -> timedelta | None:
        if self._restarted is None:
            return None
        return timedelta(seconds=asyncio.get_running_loop().time() - self._restarted)


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerView:
    """A worker that is there. `queues` is None for all; `restarted_at` is None when nothing had to be restarted."""

    name: str
    started_at: datetime
    heard_at: datetime
    concurrency: int
    queues: list[str] | None
    restarts: int
    restarted_at: datetime | None
    trouble: str  # For staff: what ended, and why, masked and short.


def register(row: WorkerState, *, restarted_ago: timedelta | None = None) -> None:
    """A worker begins, or begins anew under its name. Forgets those that were silent for a day."""
    forget()
    row.started_at, row.stopped_at = Now(), None
    _write(row, restarted_ago, ["started_at", "stopped_at"])


def heard(row: WorkerState, *, restarted_ago: timedelta | None = None) -> None:
    """A worker says that it is there, and how it is. It is put back if somebody deleted its row."""
    _write(row, restarted_ago, [])


def stopped(name: str) -> None:
    """A worker has left in an orderly way."""
    WorkerState.objects.filter(name=name).update(stopped_at=Now(), heard_at=Now())


def overview() -> list[WorkerView]:
    """The workers that are there: heard of lately, and not stopped. By name; one query."""
    fields = (
        "name", "started_at", "heard_at", "concurrency", "queues", "restarts", "restarted_at", "trouble",
    )  # fmt: skip
    return [WorkerView(**values) for values in _there().order_by("name").values(*fields)]


def restarted_lately() -> bool:
    """Did a worker that is there have to start a part of itself again within the last two minutes?"""
    return _there().filter(restarted_at__gt=Now() - LATELY).exists()


def forget() -> int:
    """Delete the rows of workers that were silent for a day. Returns how many."""
    return WorkerState.objects.filter(heard_at__lt=Now() - FORGET_AFTER).delete()[0]


def _there() -> QuerySet[WorkerState]:
    """Those that were heard of lately, and have not stopped."""
    return WorkerState.objects.filter(heard_at__gt=Now() - SILENT_AFTER, stopped_at=None)


def _write(row: WorkerState, restarted_ago: timedelta | None, also: list[str]) -> None:
    # All times are the database's: the clocks of several machines would not agree on who was heard of lately.
    row.heard_at = Now()
    row.restarted_at = None if restarted_ago is None else Now() - restarted_ago
    changed = ["heard_at", "concurrency", "queues", "restarts", "restarted_at", "trouble", *also]
    WorkerState.objects.bulk_create([row], update_conflicts=True, unique_fields=["name"], update_fields=changed)


def _in_short(part: str, error: BaseException | None) -> str:
    if error is None:
        return f"{part}: ended without a reason"
    cause = error.__cause__ or error
    words = (str(cause).splitlines() or [""])[0]
    return fit(mask_secrets(f"{part}: {type(cause).__name__}: {words}".rstrip(": ")), MAX_TROUBLE)

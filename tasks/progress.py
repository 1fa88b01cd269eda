"""The reporter a task function holds. A call is a few attribute writes; the database hears five times a second at most.

Safe from any thread. What is stored never goes backwards within an attempt, never exceeds the total, and stays below
100 until the run has completed, whatever the function says.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, overload

from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models import F

from .db import in_thread
from .exceptions import RunStopped
from .models import TaskEvent, TaskRun
from .states import Status
from .text import fit, storable
from .updates import recorded, send_batch_update, send_log_update, send_progress_update

logger = logging.getLogger(__name__)

WRITE_INTERVAL = 0.2  # seconds between two writes of one run
ALMOST_DONE = 99.9  # the most a running run may show
MAX_COUNT = 2**63 - 1
LOG_LEVELS = frozenset({"debug", "info", "warning", "error"})

type Entry = tuple[TaskEvent.Kind, dict[str, Any]]


class Progress:
    """Where a run's function says how far it is. Every call raises RunStopped once the run has been told to stop."""

    def __init__(self, run: TaskRun, loop: asyncio.AbstractEventLoop) -> None:
        self._run = run
        self._loop = loop
        self._lock = threading.Lock()
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._dirty = False
        self._stopped = ""
        self._entries: deque[Entry] = deque()
        self._processed = 0
        self._total: int | None = None
        self._percent = 0.0
        self._stage = self._message = self._item = ""
        self.lost = False  # another worker has the run now, or it has ended: nothing more can be written

    # -- what task functions call ------------------------------------------------------------------------------------

    def update(
        self,
        processed: int | None = None,
        total: int | None = None,
        *,
        stage: str | None = None,
        message: str | None = None,
        current_item: str | None = None,
    ) -> None:
        """Say where you are: absolute values, any subset."""
        if self._stopped:
            raise RunStopped(self._stopped)
        if processed is not None and processed > self._processed:
            self._processed = processed
        if total is not None:
            self._total = total
        if stage is not None:
            self._stage = stage
        if message is not None:
            self._message = message
        if current_item is not None:
            self._item = current_item
        if not self._dirty:
            self._mark_dirty()

    def advance(self, count: int = 1, *, current_item: str | None = None) -> None:
        """`count` more items are done. Safe from several threads at once."""
        if self._stopped:
            raise RunStopped(self._stopped)
        with self._lock:
            self._processed += count
        if current_item is not None:
            self._item = current_item
        if not self._dirty:
            self._mark_dirty()

    @overload
    def track[T](
        self, items: AsyncIterable[T], *, total: int | None = None, stage: str | None = None
    ) -> "Tracked[T]": ...
    @overload
    def track[T](self, items: Iterable[T], *, total: int | None = None, stage: str | None = None) -> "Tracked[T]": ...
    def track(self, items: Any, *, total: int | None = None, stage: str | None = None) -> "Tracked[Any]":
        """Loop over `items` with `for` or `async for`; each finished turn counts as one item done."""
        if total is None and hasattr(items, "__len__"):
            total = len(items)
        self.update(total=total, stage=stage)
        return Tracked(self, items)

    def batch(self, *, completed: int, total: int, results: Sequence[Mapping[str, Any]] = ()) -> None:
        """Batch `completed` of `total` is done, with what came of its items. Kept as an event; every one is sent."""
        data = {"batch_completed": completed, "total_batches": total, "results": storable(list(results))}
        self._append((TaskEvent.Kind.BATCH, data))

    def log(self, message: str, *, level: str = "info") -> None:
        """Add a line to the run's timeline."""
        if level not in LOG_LEVELS:
            raise ValueError(f"level is {level!r}; it must be one of {', '.join(sorted(LOG_LEVELS))}.")
        self._append((TaskEvent.Kind.LOG, {"level": level, "message": fit(message, 2000)}))

    # -- what the worker calls ---------------------------------------------------------------------------------------

    def stop(self, why: str) -> None:
        """Make the next call of the function raise RunStopped."""
        self._stopped = why

    async def keep_writing(self) -> None:
        """Write what was reported, again and again, until closed or lost."""
        while not (self._closing.is_set() or self.lost):
            await self._wake.wait()
            self._wake.clear()
            await self._flush()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), WRITE_INTERVAL)

    async def close(self, writer: "asyncio.Task[None]") -> None:
        """End `writer`, which runs keep_writing, and write the rest. What a late callback reports now is ignored."""
        # Told, not cancelled: a write under way must come to its end before the last one.
        self._closing.set()
        self._wake.set()
        await writer
        await self._flush()

    async def _flush(self) -> None:
        """Write what was reported since the last time. A database that is away is no reason to stop the function."""
        if self.lost or not self._dirty:
            return
        self._dirty = False
        entries = [self._entries.popleft() for _ in range(len(self._entries))]
        try:
            self.lost = not await in_thread(self._write, entries)
        except DatabaseError:
            logger.warning(
                "Progress of run %s could not be written; it will be tried again", self._run.pk, exc_info=True
            )
            self._entries.extendleft(reversed(entries))
            self._dirty = True
            self._wake.set()
        except Exception:
            # A value that no column can hold, say: the bar stands still for a moment, the work goes on.
            logger.exception("Progress of run %s cannot be written", self._run.pk)

    # -- inside ------------------------------------------------------------------------------------------------------

    def _append(self, entry: Entry) -> None:
        if self._stopped:
            raise RunStopped(self._stopped)
        self._entries.append(entry)
        self._mark_dirty()

    def _mark_dirty(self) -> None:
        if self._closing.is_set():
            return
        self._dirty = True
        with suppress(RuntimeError):  # the loop is gone, and the worker with it
            self._loop.call_soon_threadsafe(self._wake.set)

    def _write(self, entries: list[Entry]) -> bool:
        """Store and publish. False when the run is no longer this attempt's."""
        values = self._values()
        with transaction.atomic():
            mine = TaskRun.objects.filter(pk=self._run.pk, attempt=self._run.attempt, status=Status.RUNNING)
            if not mine.update(seq=F("seq") + len(entries) + 1, **values):
                return False
            run = TaskRun.objects.get(pk=self._run.pk)
            first = run.seq - len(entries)
            events = TaskEvent.objects.bulk_create(
                TaskEvent(run=run, seq=first + offset, kind=kind, data=recorded(run, kind, data))
                for offset, (kind, data) in enumerate(entries)
            )
            for event in events:
                (send_batch_update if event.kind == TaskEvent.Kind.BATCH else send_log_update)(run, event)
            send_progress_update(run)
        return True

    def _values(self) -> dict[str, Any]:
        total = None if self._total is None else min(max(int(self._total), 0), MAX_COUNT)
        processed = min(max(int(self._processed), 0), MAX_COUNT if total is None else total)
        if total:
            self._percent = min(ALMOST_DONE, max(self._percent, 100 * processed / total))
        return {
            "processed_items": processed,
            "total_items": total,
            "progress": self._percent,
            "stage": fit(self._stage, 100),
            "message": fit(self._message, 1000),
            "current_item": fit(self._item, 500),
        }


class Tracked[T]:
    """An iterable that reports one finished item per turn."""

    def __init__(self, progress: Progress, items: Any) -> None:
        self._progress = progress
        self._items = items

    def __iter__(self) -> Iterator[T]:
        for item in self._items:
            yield item
            self._progress.advance()

    async def __aiter__(self) -> AsyncIterator[T]:
        if hasattr(self._items, "__aiter__"):
            async for item in self._items:
                yield item
                self._progress.advance()
        else:
            for item in self._items:
                yield item
                self._progress.advance()
                # A loop body that never waits would keep cancel and everybody else out.
                await asyncio.sleep(0)

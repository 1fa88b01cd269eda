"""The worker's reporter: stores what a function says, five times a second at most.

What is stored never goes backwards within an attempt, never exceeds the total, and stays below 100 until the run has
completed, whatever the function says.
"""

import asyncio
import logging
from contextlib import nullcontext, suppress
from typing import Any

from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F

from . import statements
from .db import in_thread
from .ledger import store_items
from .models import TaskEvent, TaskRun
from .reporting import Entry, Report, Reporter
from .states import Status
from .text import fit
from .updates import recorded, send_batch_update, send_log_update, send_progress_update

logger = logging.getLogger(__name__)

WRITE_INTERVAL = 0.2  # seconds between two writes of one run
ALMOST_DONE = 99.9  # the most a running run may show
MAX_COUNT = 2**63 - 1
LONGEST_INTERVAL = 3.0  # the same while the database is away
LAST_TRIES = 10  # the last write, if the database is there and refuses it, is tried this often
LINES_SENT = 100  # log lines that sockets are told of per write, the newest; how many were left out is said


class Progress(Reporter):
    """The reporter of one attempt in this process."""

    def __init__(self, run: TaskRun, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._run = run
        self._loop = loop
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._percent = 0.0
        self._stored = 0
        self._pause = WRITE_INTERVAL
        self._away = False
        self._in_doubt: list[Entry] = []  # of writes that failed: were they stored, and the answer lost?
        self.lost = False  # another worker has the run now, or it has ended: nothing more can be written

    def prepare(self) -> None:
        """Count what earlier attempts have said: the bounds are the run's. Database work; called once, at the start."""
        if self._run.attempt > 1:
            self._lines = self._run.events.filter(kind=TaskEvent.Kind.LOG).count()
            self._batches = self._run.events.filter(kind=TaskEvent.Kind.BATCH).count()

    def absorb(self, report: Report, *, dropped: int = 0) -> None:
        """Take over what a child process reports. Never raises RunStopped: what it says last is kept, too."""
        self._processed = max(self._processed, report.processed)
        self._total = report.total
        self._stage, self._message, self._item = report.stage, report.message, report.current_item
        for kind, data, at in report.entries:
            if kind == TaskEvent.Kind.LOG:
                self.add_line(data["message"], level=data["level"], at=at)
            else:
                self.add_batch(data, at)
        with self._lock:
            self._items.update(report.items)
            self._dropped += dropped
        self._mark_dirty()

    async def keep_writing(self) -> None:
        """Write what was reported, again and again, until closed or lost."""
        while not (self._closing.is_set() or self.lost):
            await self._wake.wait()
            self._wake.clear()
            await self._flush()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), self._pause)

    async def close(self, writer: "asyncio.Task[None]") -> None:
        """End `writer`, which runs keep_writing, and write the rest, as soon as the database is there.

        What a late callback reports now is ignored.
        """
        # Told, not cancelled: a write under way must come to its end before the last one.
        self._closed = True
        self._closing.set()
        self._wake.set()
        await writer
        self._say_what_was_dropped()
        tries = 0
        while tries < LAST_TRIES:
            await self._flush()
            if self.lost or not self._dirty:
                return
            tries += not self._away
            await asyncio.sleep(self._pause)

    async def _flush(self) -> None:
        """Write what was reported since the last time. A database that is away is no reason to stop the function."""
        if self.lost or not self._dirty:
            return
        report = self.take()
        try:
            self.lost = not await in_thread(self._write, report)
            self._pause, self._away, self._in_doubt = WRITE_INTERVAL, False, []
        except DatabaseError as error:
            self._away = isinstance(error, OperationalError | InterfaceError)
            self._pause = min(self._pause * 2, LONGEST_INTERVAL)
            logger.warning("Progress of run %s could not be written (%r); trying again", self._run.pk, error)
            self._in_doubt = list(report.entries)  # what earlier writes tried is among them
            self._entries.extendleft(reversed(report.entries))
            self.give_back_items(report.items)
            self._dirty = True
            self._wake.set()
        except Exception:
            # A value that no column can hold, say: the bar stands still for a moment, the work goes on.
            logger.exception("Progress of run %s cannot be written", self._run.pk)

    def _wake_writer(self) -> None:
        with suppress(RuntimeError):  # the loop is gone, and the worker with it
            self._loop.call_soon_threadsafe(self._wake.set)

    def _write(self, report: Report) -> bool:
        """Store and publish. False when the run is no longer this attempt's."""
        values = self._values(report)
        mine = TaskRun.objects.filter(pk=self._run.pk, attempt=self._run.attempt, status=Status.RUNNING)
        # A bar that moves is one statement, which needs no transaction around it.
        several = report.entries or report.items or self._in_doubt
        with transaction.atomic() if several else nullcontext():
            run = statements.change(mine, {"seq": F("seq") + len(report.entries) + 1, **values})
            if run is None:
                return False
            # The run is locked now: a write whose answer was lost has been stored by this moment, or never is.
            stored = self._stored_already()
            known = {(event.kind, event.at) for event in stored}
            entries = [(kind, data, at) for kind, data, at in report.entries if (kind, at) not in known]
            store_items(self._run.pk, report.items)
            first = run.seq - len(entries)
            events = stored + TaskEvent.objects.bulk_create(
                TaskEvent(run=run, seq=first + offset, at=at, kind=kind, data=recorded(run, kind, data))
                for offset, (kind, data, at) in enumerate(entries)
            )
            unsent = sum(event.kind == TaskEvent.Kind.LOG for event in events) - LINES_SENT
            skipped = 0
            for event in events:
                if event.kind == TaskEvent.Kind.BATCH:
                    send_batch_update(run, event)
                elif skipped < unsent:
                    skipped += 1
                else:
                    send_log_update(run, event, skipped=skipped)
                    unsent = skipped = 0
            send_progress_update(run)
        return True

    def _stored_already(self) -> list[TaskEvent]:
        """The events among those in doubt that an earlier write has stored; nobody has been told of them."""
        if not self._in_doubt:
            return []
        said = self._run.events.exclude(kind=TaskEvent.Kind.STATE)
        found = said.filter(at__in={at for _, _, at in self._in_doubt}).order_by("seq")
        return list(found)

    def _values(self, report: Report) -> dict[str, Any]:
        total = None if report.total is None else min(max(int(report.total), self._stored, 0), MAX_COUNT)
        processed = min(max(int(report.processed), 0), MAX_COUNT if total is None else total)
        self._stored = processed  # a total that comes later cannot be less than what was done before
        if total:
            self._percent = min(ALMOST_DONE, max(self._percent, 100 * processed / total))
        return {
            "processed_items": processed,
            "total_items": total,
            "progress": self._percent,
            "stage": fit(report.stage, 100),
            "message": fit(report.message, 1000),
            "current_item": fit(report.current_item, 500),
        }

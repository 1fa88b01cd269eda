"""The front of progress: what a function calls. A call is a few attribute writes; who stores it is another matter.

In a worker that is progress.Progress, which stores it; in an isolated child it is ChildProgress of child.py, which
hands it on to the worker. Safe from any thread.
"""

import asyncio
import json
import threading
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import get_ident
from typing import Any, overload

from django.utils import timezone

from .exceptions import RunStopped
from .models import TaskEvent, TaskItem
from .sentences import ENOUGH_BATCHES, ENOUGH_LINES, LINES_DROPPED
from .text import fit, mask_secrets, storable

LOG_LEVELS = frozenset({"debug", "info", "warning", "error"})
MAX_LOG_LINES = 10_000  # of one run
MAX_LINE = 2000  # characters
MAX_BATCHES = 1000  # of one run; its items are not bounded so, but nobody is sent them
MAX_BATCH = 32_000  # characters of one batch's results

type Entry = tuple[str, dict[str, Any], datetime]  # kind of event, its data, when it happened
type Item = tuple[str, str, str, Any, datetime]  # outcome, label, error, data, when


@dataclass(kw_only=True)
class Report:
    """What was said since the last time."""

    processed: int = 0
    total: int | None = None
    stage: str = ""
    message: str = ""
    current_item: str = ""
    entries: list[Entry] = field(default_factory=list)
    items: dict[str, Item] = field(default_factory=dict)


class Reporter:
    """Where a run's function says how far it is. Every call raises RunStopped once the run has been told to stop."""

    _says_when_full = True  # One of two in a row is enough.

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._dirty = False
        self._closed = False
        self._stopped = ""
        self._entries: deque[Entry] = deque()
        self._items: dict[str, Item] = {}
        self._processed = 0  # by update()
        self._steps: dict[int, int] = {}  # by advance(), thread by thread: a lock would cost more than all the rest
        self._total: int | None = None
        self._stage = self._message = self._item = ""
        self._lines = 0
        self._batches = 0
        self._dropped = 0

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
        if processed is not None:
            if self._steps:
                processed -= sum(self._steps.values())
            if processed > self._processed:
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
        thread = get_ident()
        try:
            self._steps[thread] += count
        except KeyError:
            self._steps[thread] = count
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
        """Batch `completed` of `total` is done, with what came of its items. Kept as an event, and sent.

        Of very many batches the first thousand; of very long results as many as fit, `results_left_out` says the rest.
        """
        self.raise_if_stopped()
        said = storable(list(results))
        kept = _fitting(said, MAX_BATCH)
        data = {"batch_completed": completed, "total_batches": total, "results": kept}
        if len(kept) < len(said):
            data["results_left_out"] = len(said) - len(kept)
        self.add_batch(data, timezone.now())

    def log(self, message: str, *, level: str = "info") -> None:
        """Add a line to the run's timeline."""
        if level not in LOG_LEVELS:
            raise ValueError(f"level is {level!r}; it must be one of {', '.join(sorted(LOG_LEVELS))}.")
        if self._stopped:
            raise RunStopped(self._stopped)
        self.add_line(message, level=level)

    # -- what the machinery around the function calls ----------------------------------------------------------------

    def stop(self, why: str) -> None:
        """Make the next call of the function raise RunStopped."""
        self._stopped = why

    def raise_if_stopped(self) -> None:
        """Raise RunStopped once the run has been told to stop."""
        if self._stopped:
            raise RunStopped(self._stopped)

    def add_line(self, message: object, *, level: str, at: datetime | None = None) -> None:
        """A log line, masked and cut. Never raises: logging must not stop a function, nor its cleanup."""
        with self._lock:
            if self._lines >= MAX_LOG_LINES:
                self._dropped += 1
                return
            self._lines += 1
            last = self._lines == MAX_LOG_LINES
        # Cut twice: masking costs time by the character, and a secret must not be cut in two before it is seen.
        text = fit(mask_secrets(fit(message, 10 * MAX_LINE)), MAX_LINE)
        self._entries.append((TaskEvent.Kind.LOG, {"level": level, "message": text}, at or timezone.now()))
        if last and self._says_when_full:
            note = ENOUGH_LINES % {"most": f"{MAX_LOG_LINES:,}"}
            self._entries.append((TaskEvent.Kind.LOG, {"level": "warning", "message": note}, timezone.now()))
        self._mark_dirty()

    def add_batch(self, data: dict[str, Any], at: datetime) -> None:
        """A batch to keep and send, unless there are too many already."""
        with self._lock:
            self._batches += 1
            if self._batches > MAX_BATCHES:
                return
            last = self._batches == MAX_BATCHES
        self._entries.append((TaskEvent.Kind.BATCH, data, at))
        if last and self._says_when_full:
            self.add_line(ENOUGH_BATCHES % {"most": f"{MAX_BATCHES:,}"}, level="warning")
        self._mark_dirty()

    def add_item(
        self, key: str, outcome: TaskItem.Outcome, *, label: str = "", error: str = "", data: Any = None
    ) -> None:
        """How item `key` ended. The last word counts. Recorded even when the run was told to stop: it happened."""
        item = (str(outcome), label, error, data, timezone.now())
        with self._lock:
            self._items[key] = item
        if not self._dirty:
            self._mark_dirty()
        self.raise_if_stopped()

    def take_items(self) -> dict[str, Item]:
        """The items nobody has stored yet; they are the caller's now."""
        with self._lock:
            taken, self._items = self._items, {}
        return taken

    def give_back_items(self, items: dict[str, Item]) -> None:
        """`items` could not be stored: to be tried again, unless something newer is known of them."""
        with self._lock:
            self._items = items | self._items
        self._mark_dirty()

    def take(self) -> Report:
        """What was said since the last time."""
        self._dirty = False
        return Report(
            processed=self._processed + sum(self._steps.values()),
            total=self._total,
            stage=self._stage,
            message=self._message,
            current_item=self._item,
            entries=[self._entries.popleft() for _ in range(len(self._entries))],
            items=self.take_items(),
        )

    # -- inside ------------------------------------------------------------------------------------------------------

    def _mark_dirty(self) -> None:
        if not self._closed:
            self._dirty = True
            self._wake_writer()

    def _wake_writer(self) -> None:
        """There is something to take. Called from any thread."""
        raise NotImplementedError

    def _say_what_was_dropped(self) -> None:
        if self._dropped:
            note = LINES_DROPPED % {"number": f"{self._dropped:,}", "most": f"{MAX_LOG_LINES:,}"}
            self._dropped = 0
            self._entries.append((TaskEvent.Kind.LOG, {"level": "warning", "message": note}, timezone.now()))
            self._dirty = True


def _fitting(results: list[Any], limit: int) -> list[Any]:
    """As many of `results`, from the first on, as take no more than `limit` characters of JSON."""
    left = limit
    for number, result in enumerate(results):
        left -= len(json.dumps(result))
        if left < 0:
            return results[:number]
    return results


class Tracked[T]:
    """An iterable that reports one finished item per turn."""

    def __init__(self, progress: Reporter, items: Any) -> None:
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

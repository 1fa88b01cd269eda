"""The analysis queue of one run: pages are fetched ahead, a few workers analyse them, and nobody runs ahead
of the rest.

    add_tasks ──▶ task_queue (100 places) ──▶ fetchers (12) ──▶ ready (a few pages) ──▶ workers (3) ──▶ result_queue

Every arrow waits when the next box is full. Nothing is shared between runs.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from django.utils.translation import gettext as _

from ingest.wording import decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisTask:
    """One address to read for a topic; `metadata` comes back with the outcome."""

    url: str
    topic: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisOutcome[R]:
    """How one task ended: with a result, or with the exception that stopped it."""

    task: AnalysisTask
    result: R | None = None
    error: Exception | None = None


class TaskTimeout(Exception):
    """A task took longer in all than the queue allows; `fetching`: it was still being fetched."""

    def __init__(self, seconds: float, *, fetching: bool) -> None:
        said = (
            _("Fetching it took more than %(seconds)s s in all.")
            if fetching
            else _("Fetching and reading it took more than %(seconds)s s in all.")
        )
        super().__init__(said % {"seconds": decimal(seconds)})
        self.fetching = fetching


class QueueFull(Exception):
    """No place is free; come back later."""


class AnalysisQueue[F, R]:
    """Runs `fetch` for many tasks at a time and `analyse` for few. Use as `async with AnalysisQueue(...) as
    queue`.

    Leaving the block stops whatever is still under way. A task that takes more than `seconds_per_task` from the moment
    it is fetched, all its waiting included, ends with TaskTimeout: nothing stays for ever.
    """

    def __init__(
        self,
        fetch: Callable[[AnalysisTask], Awaitable[F]],
        analyse: Callable[[AnalysisTask, F], Awaitable[R]],
        *,
        max_concurrent: int = 3,
        max_queue_size: int = 100,
        fetch_ahead: int = 12,
        seconds_per_task: float = 300.0,
    ) -> None:
        self._fetch, self._analyse = fetch, analyse
        self.max_concurrent, self.max_queue_size = max_concurrent, max_queue_size
        self.task_queue: asyncio.Queue[AnalysisTask] = asyncio.Queue(max_queue_size)
        # Few places: a fetched page weighs up to 3 MB.
        self._ready: asyncio.Queue[tuple[AnalysisTask, F, float]] = asyncio.Queue(max(1, fetch_ahead // 2))
        self.result_queue: asyncio.Queue[AnalysisOutcome[R]] = asyncio.Queue()
        self._fetch_ahead = fetch_ahead
        self._seconds = seconds_per_task
        self._total = self._taken = self._fetching = self._analysing = self._completed = self._failed = 0
        self._current = ""
        self._fetchers: list[asyncio.Task[None]] = []
        self.workers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._fetchers = [asyncio.create_task(self._fetch_loop()) for _ in range(self._fetch_ahead)]
        self.workers = [asyncio.create_task(self._analyse_loop()) for _ in range(self.max_concurrent)]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        loops = [*self._fetchers, *self.workers]
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)

    async def add_tasks(self, tasks: Iterable[AnalysisTask]) -> int:
        """Put `tasks` in line, waiting for places while the queue is full. Says how many there were."""
        added = 0
        for task in tasks:
            self._total += 1
            added += 1
            await self.task_queue.put(task)
        return added

    def offer(self, task: AnalysisTask) -> None:
        """Put one task in line now, or raise QueueFull."""
        try:
            self.task_queue.put_nowait(task)
        except asyncio.QueueFull:
            raise QueueFull from None
        self._total += 1

    async def process(self, tasks: Iterable[AnalysisTask]) -> AsyncIterator[AnalysisOutcome[R]]:
        """Add `tasks` and yield their outcomes as they come; a slow reader slows the adding down."""
        places = asyncio.Semaphore(2 * self.max_queue_size)

        async def produce() -> int:
            added = 0
            for task in tasks:
                await places.acquire()
                added += await self.add_tasks([task])
            return added

        producer = asyncio.create_task(produce())
        seen = 0
        try:
            while not producer.done() or seen < producer.result():
                if (outcome := await self._next_outcome(until=producer)) is not None:
                    seen += 1
                    places.release()
                    yield outcome
        finally:
            producer.cancel()

    async def wait_completion(self, *, seconds: float | None = None) -> list[AnalysisOutcome[R]]:
        """The outcomes of everything added so far that was not taken yet; what there is when `seconds` are
        over.
        """
        found: list[AnalysisOutcome[R]] = []
        try:
            async with asyncio.timeout(seconds):
                while self._taken < self._total:
                    found.append(await self.result_queue.get())
                    self._taken += 1
        except TimeoutError:
            pass
        return found

    def get_progress(self) -> dict[str, int | float | str]:
        """Where the queue stands: as a run says it, and how many tasks are in which box.

        `progress` is 0 to 100, `current_item` the address that was begun last, `processed_items` are `completed` and
        `failed` together. What is fetched and waits for a worker is in none of the boxes.
        """
        finished = self._completed + self._failed
        return {
            "progress": round(100 * finished / self._total, 1) if self._total else 0.0,
            "processed_items": finished,
            "total_items": self._total,
            "current_item": self._current,
            "queued": self._total - finished - self._fetching - self._analysing - self._ready.qsize(),
            "fetching": self._fetching,
            "analyzing": self._analysing,
            "completed": self._completed,
            "failed": self._failed,
        }

    async def _next_outcome(self, *, until: asyncio.Task[int]) -> AnalysisOutcome[R] | None:
        """The next outcome; None when the producer ended first, so that the caller can count again."""
        if until.done() or not self.result_queue.empty():
            outcome = await self.result_queue.get()
            self._taken += 1
            return outcome
        getter = asyncio.ensure_future(self.result_queue.get())
        try:
            await asyncio.wait({getter, until}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not getter.done():
                getter.cancel()
        if not getter.done() or getter.cancelled():
            return None
        self._taken += 1
        return getter.result()

    async def _fetch_loop(self) -> None:
        while True:
            task = await self.task_queue.get()
            self._fetching += 1
            self._current = task.url
            until = asyncio.get_running_loop().time() + self._seconds
            try:
                page = await self._within(until, self._fetch(task), fetching=True)
            except Exception as error:
                self._finish(AnalysisOutcome(task=task, error=error))
                continue
            finally:
                self._fetching -= 1
            await self._ready.put((task, page, until))

    async def _analyse_loop(self) -> None:
        while True:
            task, page, until = await self._ready.get()
            self._analysing += 1
            try:
                result = await self._within(until, self._analyse(task, page), fetching=False)
                outcome = AnalysisOutcome(task=task, result=result)
            except Exception as error:
                outcome = AnalysisOutcome(task=task, error=error)
            finally:
                self._analysing -= 1
            self._finish(outcome)

    async def _within[T](self, until: float, work: Awaitable[T], *, fetching: bool) -> T:
        """The result of `work`. Raises TaskTimeout at `until`; what `work` itself raises arrives as it is."""
        try:
            async with asyncio.timeout_at(until) as limit:
                return await work
        except TimeoutError:
            if limit.expired():
                raise TaskTimeout(self._seconds, fetching=fetching) from None
            raise

    def _finish(self, outcome: AnalysisOutcome[R]) -> None:
        if outcome.error is None:
            self._completed += 1
        else:
            self._failed += 1
        self.result_queue.put_nowait(outcome)

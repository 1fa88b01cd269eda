"""The analysis queue of one run: pages are fetched ahead, a few workers analyse them, and nobody runs ahead
of the rest.

    add_tasks ──▶ inbox (100 places) ──▶ fetchers (12) ──▶ ready (a few pages) ──▶ workers (3) ──▶ outcomes

Every arrow waits when the next box is full. Nothing is shared between runs.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self


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


class QueueFull(Exception):
    """No place is free; come back later."""


class AnalysisQueue[F, R]:
    """Runs `fetch` for many tasks at a time and `analyse` for few. Use as `async with AnalysisQueue(...) as
    queue`.

    Leaving the block stops whatever is still under way.
    """

    def __init__(
        self,
        fetch: Callable[[AnalysisTask], Awaitable[F]],
        analyse: Callable[[AnalysisTask, F], Awaitable[R]],
        *,
        max_concurrent: int = 3,
        max_queue_size: int = 100,
        fetch_ahead: int = 12,
    ) -> None:
        self._fetch, self._analyse = fetch, analyse
        self._inbox: asyncio.Queue[AnalysisTask] = asyncio.Queue(max_queue_size)
        # Few places: a fetched page weighs up to 3 MB.
        self._ready: asyncio.Queue[tuple[AnalysisTask, F]] = asyncio.Queue(max(1, fetch_ahead // 2))
        self._outcomes: asyncio.Queue[AnalysisOutcome[R]] = asyncio.Queue()
        self._fetchers, self._workers = fetch_ahead, max_concurrent
        self._total = self._taken = self._fetching = self._analysing = self._completed = self._failed = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._fetch_loop()) for _ in range(self._fetchers)]
        self._tasks += [asyncio.create_task(self._analyse_loop()) for _ in range(self._workers)]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def add_tasks(self, tasks: Iterable[AnalysisTask]) -> int:
        """Put `tasks` in line, waiting for places while the queue is full. Says how many there were."""
        added = 0
        for task in tasks:
            self._total += 1
            added += 1
            await self._inbox.put(task)
        return added

    def offer(self, task: AnalysisTask) -> None:
        """Put one task in line now, or raise QueueFull."""
        try:
            self._inbox.put_nowait(task)
        except asyncio.QueueFull:
            raise QueueFull from None
        self._total += 1

    async def process(self, tasks: Iterable[AnalysisTask]) -> AsyncIterator[AnalysisOutcome[R]]:
        """Add `tasks` and yield their outcomes as they come; a slow reader slows the adding down."""
        places = asyncio.Semaphore(2 * self._inbox.maxsize)

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
                    found.append(await self._outcomes.get())
                    self._taken += 1
        except TimeoutError:
            pass
        return found

    def get_progress(self) -> dict[str, int | float]:
        """Where the queue stands: how many tasks there are, and in which box."""
        finished = self._completed + self._failed
        return {
            "total": self._total,
            "queued": self._total - finished - self._fetching - self._analysing - self._ready.qsize(),
            "fetching": self._fetching,
            "analyzing": self._analysing,
            "completed": self._completed,
            "failed": self._failed,
            "progress": round(100 * finished / self._total, 1) if self._total else 0.0,
        }

    async def _next_outcome(self, *, until: asyncio.Task[int]) -> AnalysisOutcome[R] | None:
        """The next outcome; None when the producer ended first, so that the caller can count again."""
        if until.done() or not self._outcomes.empty():
            outcome = await self._outcomes.get()
            self._taken += 1
            return outcome
        getter = asyncio.ensure_future(self._outcomes.get())
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
            task = await self._inbox.get()
            self._fetching += 1
            try:
                page = await self._fetch(task)
            except Exception as error:
                self._finish(AnalysisOutcome(task=task, error=error))
                continue
            finally:
                self._fetching -= 1
            await self._ready.put((task, page))

    async def _analyse_loop(self) -> None:
        while True:
            task, page = await self._ready.get()
            self._analysing += 1
            try:
                outcome = AnalysisOutcome(task=task, result=await self._analyse(task, page))
            except Exception as error:
                outcome = AnalysisOutcome(task=task, error=error)
            finally:
                self._analysing -= 1
            self._finish(outcome)

    def _finish(self, outcome: AnalysisOutcome[R]) -> None:
        if outcome.error is None:
            self._completed += 1
        else:
            self._failed += 1
        self._outcomes.put_nowait(outcome)

"""A worker on a thread of its own, for commands that want their runs done though nobody else is there to do them."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from . import tickets
from .reconcile import DEAD_AFTER
from .worker import Worker


def somebody_works() -> bool:
    """Has any worker, anywhere, shown a sign of life lately?"""
    heard = tickets.last_heartbeat()
    return heard is not None and timezone.now() - heard < DEAD_AFTER


class BackgroundWorker:
    """Starts with `start()`; `stop()` ends it as SIGTERM would, and waits for the end."""

    def __init__(
        self,
        *,
        concurrency: int | None = None,
        grace: timedelta | None = None,
        queues: Sequence[str] | None = None,
    ) -> None:
        self._concurrency = concurrency
        self._grace = grace
        self._queues = queues
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="background worker", daemon=True)

    def start(self) -> "BackgroundWorker":
        """Start working; returns once the worker exists."""
        self._thread.start()
        self._ready.wait()
        return self

    def stop(self, *, timeout: float = 30) -> bool:
        """Stop working. False when it has not ended within `timeout` seconds."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self.worker.stop)
            self._thread.join(timeout)
        return not self._thread.is_alive()

    async def _main(self) -> None:
        self.worker = Worker(concurrency=self._concurrency, grace=self._grace, queues=self._queues)
        self._loop = asyncio.get_running_loop()
        self._ready.set()
        await self.worker.run()

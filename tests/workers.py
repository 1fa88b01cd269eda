"""A real worker inside the test process: the production class, on a thread with a loop of its own."""

import asyncio
import threading
from datetime import timedelta

from tasks import tickets
from tasks.worker import Worker
from tests.waiting import eventually


class WorkerThread:
    """Starts a worker and waits until it has registered; `stop()` ends it gracefully and waits for the end."""

    def __init__(self, *, concurrency: int = 3, grace: timedelta = timedelta(seconds=5)) -> None:
        self._concurrency = concurrency
        self._grace = grace
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="test worker")

    async def _main(self) -> None:
        self.worker = Worker(concurrency=self._concurrency, grace=self._grace)
        self._loop = asyncio.get_running_loop()
        self._ready.set()
        await self.worker.run()

    def start(self) -> "WorkerThread":
        """Start, and return once the worker takes runs."""
        self._thread.start()
        assert self._ready.wait(10)
        eventually(tickets.last_heartbeat, what="the worker registers")
        return self

    def stop(self) -> None:
        """Stop as SIGTERM would."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self.worker.stop)
            self._thread.join(30)
            assert not self._thread.is_alive(), "the worker did not stop"

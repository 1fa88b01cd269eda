"""A real worker inside the test process: the production class, on a thread with a loop of its own."""

from tasks import tickets
from tasks.background import BackgroundWorker
from tests.waiting import eventually


class WorkerThread(BackgroundWorker):
    """A background worker that is known to be registered, and to have ended."""

    def start(self) -> "WorkerThread":
        """Start, and return once the worker takes runs."""
        super().start()
        eventually(tickets.last_heartbeat, what="the worker registers")
        return self

    def stop(self, *, timeout: float = 30) -> bool:
        """Stop as SIGTERM would."""
        assert super().stop(timeout=timeout), "the worker did not stop"
        return True

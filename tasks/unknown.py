"""Runs of a task that this worker does not know are left to one that does: its code may be older than the caller's.

While a new version comes up beside an old one, web processes that are new already enqueue tasks that a worker of the
old version has never heard of. To fail them would lose work that the next worker does without trouble. So their tickets
go back in line as they were, no attempt used up, and this worker passes over the task for a while. Only what nobody
knows for longer than a deploy takes (TASKS_UNKNOWN_SECONDS) is taken, and fails with the reason.
"""

import logging
import time

from .conf import conf
from .db import in_thread
from .options import task_at

logger = logging.getLogger(__name__)

LOOK_AGAIN = 15.0  # seconds a task is passed over; after them one run of it is looked at, for its patience may be over

# Two statements, each committed by itself: whoever locks both a run and its ticket takes the run first.
SAY_WHY = """
    UPDATE background_tasks SET message = %(message)s, seq = seq + 1
    WHERE ticket = %(ticket)s AND status = 'pending' AND message <> %(message)s
"""
PUT_BACK = """
    UPDATE procrastinate_jobs SET status = 'todo', worker_id = NULL
    WHERE id = %(ticket)s AND status = 'doing' AND worker_id = %(worker_id)s
"""

_known: set[str] = set()


class Unknown:
    """What one worker has learned about tasks that it cannot import. Belongs to its loop."""

    def __init__(self) -> None:
        self._patience = conf.TASKS_UNKNOWN_SECONDS
        self._since: dict[str, float] = {}
        self._again: dict[str, float] = {}

    def passed_over(self) -> list[str]:
        """The tasks whose runs are left alone at this moment."""
        now = time.monotonic()
        return [path for path, at in self._again.items() if at > now]

    async def is_for_others(self, path: str, waited: float) -> bool:
        """Is a run of the task at `path`, which could have started `waited` seconds ago, to be left to another worker?

        False for a task that is known, and for one that has been unknown for too long: its run fails by being executed.
        """
        if path in _known or await in_thread(_can_be_imported, path):
            return False
        now = time.monotonic()
        unknown_for = now - self._since.setdefault(path, now)
        if min(unknown_for, waited) >= self._patience:
            return False
        if path not in self._again:
            logger.warning("%s is not known here: its runs are left to a worker that knows it", path)
        self._again[path] = now + min(LOOK_AGAIN, self._patience)
        return True


def _can_be_imported(path: str) -> bool:
    try:
        task_at(path)
    except ImportError:
        return False
    except Exception:
        return True  # it is there, and broken: that is the run's own story
    _known.add(path)
    return True

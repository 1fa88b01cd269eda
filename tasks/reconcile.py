"""What should be true is made true again: lost tickets are reissued, runs of dead workers rescued."""

import asyncio
import logging
import os
import random
import socket
from datetime import timedelta

import psutil
from django.db import DatabaseError

from . import counts, lifecycle, tickets
from .db import in_thread
from .exceptions import TransitionRefused
from .models import TaskRun
from .states import Status

logger = logging.getLogger(__name__)

INTERVAL = 3.0  # seconds between two sweeps
HEARTBEAT = 2.0  # seconds between two signs of life of a worker
DEAD_AFTER = timedelta(seconds=8)  # a worker silent for longer is presumed dead


def worker_name() -> str:
    """This process: host, pid, and the second it was started, for pids come round again."""
    return f"{socket.gethostname()}:{os.getpid()}:{int(psutil.Process().create_time())}"


def sweep(*, dead_after: timedelta = DEAD_AFTER) -> int:
    """Rescue and reissue whatever needs it, sum up the counts. Returns how many runs were touched."""
    touched = sum(_rescue(run) for run in tickets.runs_without_worker(dead_after=dead_after))
    tickets.discard_leftovers(dead_after=dead_after)
    counts.sum_up()
    return touched + sum(lifecycle.reissue_ticket(run) for run in tickets.runs_without_ticket(dead_after=dead_after))


def rescue_predecessors() -> int:
    """Rescue at once what dead processes of this very host left RUNNING: their pids tell, no silence is needed."""
    host = socket.gethostname()
    left = TaskRun.objects.filter(status=Status.RUNNING, worker__startswith=f"{host}:")
    return sum(_rescue(run) for run in left if not _is_alive(run.worker))


def _rescue(run: TaskRun) -> bool:
    try:
        lifecycle.rescue(run)
    except TransitionRefused:
        return False  # another process got there first, or the worker was alive after all
    logger.warning("Run %s was rescued from worker %s", run.pk, run.worker)
    return True


def _is_alive(worker: str) -> bool:
    try:
        _, pid, started = worker.rsplit(":", 2)
        return int(psutil.Process(int(pid)).create_time()) == int(started)
    except (ValueError, psutil.NoSuchProcess):
        return False


async def keep_reconciling() -> None:
    """Sweep at boot and every few seconds, for ever."""
    booting = True
    while True:
        try:
            if booting:
                await in_thread(rescue_predecessors)
                booting = False
            await in_thread(sweep)
        except DatabaseError:
            logger.warning("Could not look for lost runs; trying again", exc_info=True)
        except Exception:
            logger.exception("Looking for lost runs failed; trying again")
        # Workers that started together should not sweep together.
        await asyncio.sleep(INTERVAL * (0.75 + random.random() / 2))  # noqa: S311

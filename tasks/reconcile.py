"""What should be true is made true again: lost tickets are reissued, runs of dead workers rescued.

A worker is told to be dead by its silence. That is judged only by who was heard all the while himself: after an outage
of the database, a disk that was full or a machine that slept everybody was silent, and nobody is dead.
"""

import asyncio
import logging
import os
import random
import socket
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
from django.db import Error as DatabaseError

from . import counts, history, lifecycle, tickets
from .conf import conf
from .db import database_now, in_thread
from .exceptions import TransitionRefused
from .models import TaskRun
from .states import Status

logger = logging.getLogger(__name__)

HEARTBEAT: float = conf.TASKS_HEARTBEAT_SECONDS  # between two signs of life of a worker
DEAD_AFTER = timedelta(seconds=conf.TASKS_DEAD_AFTER_SECONDS)  # a worker silent for longer is presumed dead
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # on Linux
INTERVAL = DEAD_AFTER.total_seconds() * 3 / 8  # seconds between two sweeps


class Pulse:
    """Since when this worker has been heard without a break, by the database's clock."""

    def __init__(self, longest_gap: timedelta = DEAD_AFTER / 2) -> None:
        self._longest_gap = longest_gap
        self._since: datetime | None = None
        self._last: datetime | None = None

    def beat(self, at: datetime) -> None:
        """A sign of life was stored at `at`."""
        if self._last is None or not timedelta() <= at - self._last <= self._longest_gap:
            self._since = at
        self._last = at

    def steady_for(self, now: datetime) -> timedelta:
        """How long it has been without a break; nothing when it is late at this moment."""
        if self._since is None or self._last is None or not timedelta() <= now - self._last <= self._longest_gap:
            return timedelta()
        return now - self._since


def worker_name() -> str:
    """This process: host, pid, and when it was started, for pids come round again."""
    return f"{socket.gethostname()}:{os.getpid()}:{_start_of(os.getpid())}"


class Reconciler:
    """One worker's eye on all the others. Without a `pulse`, whoever is silent is dead at once."""

    def __init__(self, pulse: Pulse | None = None, *, dead_after: timedelta = DEAD_AFTER) -> None:
        self._pulse = pulse
        self._dead_after = dead_after
        self._suspects: set[tuple[UUID, int]] = set()

    def sweep(self) -> int:
        """Rescue and reissue whatever needs it, sum up the counts. Returns how many runs were touched."""
        touched, suspects = 0, set()
        if self._pulse is None or self._pulse.steady_for(database_now()) >= self._dead_after:
            lost = tickets.runs_without_worker(dead_after=self._dead_after)
            touched += sum(_rescue(run) for run in lost if not self._may_come_back(run))
            suspects = {(run.pk, run.attempt) for run in lost}
            tickets.discard_leftovers(dead_after=self._dead_after)
        self._suspects = suspects
        counts.RUNS.sum_up()
        history.sum_up()
        waiting = tickets.runs_without_ticket(dead_after=self._dead_after)
        return touched + sum(lifecycle.reissue_ticket(run) for run in waiting)

    def _may_come_back(self, run: Any) -> bool:
        """Its worker's row was deleted only just now: one that lives puts it back before the next sweep."""
        return self._pulse is not None and run.lost_row and (run.pk, run.attempt) not in self._suspects


def sweep(*, dead_after: timedelta = DEAD_AFTER) -> int:
    """One sweep that takes silence for death. Returns how many runs were touched."""
    return Reconciler(dead_after=dead_after).sweep()


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
    except DatabaseError:
        raise
    except Exception:  # one run that cannot be rescued must not keep the others from it
        logger.exception("Run %s could not be rescued", run.pk)
        return False
    logger.warning("Run %s was rescued from worker %s", run.pk, run.worker)
    return True


def _is_alive(worker: str) -> bool:
    try:
        _, pid, started = worker.rsplit(":", 2)
        return _start_of(int(pid)) == started
    except (ValueError, ProcessLookupError, psutil.NoSuchProcess):
        return False


def _start_of(pid: int) -> str:
    """What tells process `pid` from all others that ever had its number. Raises ProcessLookupError for none.

    Not the time of day, where that can be avoided: a clock that is put right would make strangers of us all.
    """
    if not BOOT_ID.exists():
        return str(int(psutil.Process(pid).create_time()))
    try:
        state, *numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    if state in {"Z", "X"}:
        raise ProcessLookupError(pid)
    return f"{BOOT_ID.read_text()[:8]}-{numbers[18]}"  # clock ticks from the machine's start to the process's


async def keep_reconciling(pulse: Pulse | None = None) -> None:
    """Sweep at boot and every few seconds, for ever."""
    reconciler, booting = Reconciler(pulse), True
    while True:
        try:
            if booting:
                await in_thread(rescue_predecessors)
                booting = False
            await in_thread(reconciler.sweep)
        except DatabaseError as error:
            logger.warning("Could not look for lost runs (%r); trying again", error)
        # Workers that started together should not sweep together.
        await asyncio.sleep(INTERVAL * (0.75 + random.random() / 2))  # noqa: S311

"""What a process holds: memory, file descriptors, threads, processor seconds."""

from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

import psutil


class Sample(NamedTuple):
    """One look at one process. Memory in bytes: `rss` as the kernel counts it, `own` without what is shared."""

    rss: int
    own: int
    descriptors: int
    threads: int
    seconds: float


def sample(pid: int) -> Sample | None:
    """What the process holds now; None when it is gone."""
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        process = psutil.Process(pid)
        with process.oneshot():
            memory = process.memory_full_info()
            times = process.cpu_times()
            return Sample(
                rss=memory.rss,
                own=memory.uss,
                descriptors=process.num_fds(),
                threads=process.num_threads(),
                seconds=times.user + times.system,
            )
    return None


def seconds_of(family: Iterable[psutil.Process]) -> float:
    """Processor seconds that a process and its children have taken, those that have ended included. The first one of
    `family` is the parent."""
    total = 0.0
    for place, process in enumerate(family):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
            if place == 0:
                total += times.children_user + times.children_system
    return total


def memory_of(family: Iterable[psutil.Process]) -> int:
    """Bytes that these hold, each page that several share counted once (PSS)."""
    total = 0
    for process in family:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            total += process.memory_full_info().pss
    return total

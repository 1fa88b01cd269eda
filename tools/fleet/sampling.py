"""What a process holds: memory, file descriptors, threads, processor seconds."""

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

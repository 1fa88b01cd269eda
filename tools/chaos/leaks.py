"""What each process holds, looked at again and again: does it hold more in the end than when it was warm?"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from tools.fleet import Sample, Service, sample

LOOK_EVERY = 1.0
WARM_AFTER = 15.0  # seconds since it has more than one thread: everything is imported, pools and threads are there
LOOKS = 5  # whose median counts, at the beginning and at the end
MORE_DESCRIPTORS = 30  # a pool's connections, which it keeps for ten minutes, and a few sockets
MORE_THREADS = 30
MORE_MEMORY = 64 * 2**20  # bytes: what the allocator keeps of buffers that a flood has filled


@dataclass(frozen=True, kw_only=True)
class Life:
    """What one process held when it was warm, and in the end."""

    name: str
    pid: int
    seconds: float
    warm: Sample
    last: Sample

    def __str__(self) -> str:
        held = (f"{one.own / 2**20:.0f} MiB, {one.descriptors} descriptors, {one.threads} threads"
                for one in (self.warm, self.last))  # fmt: skip
        return f"{self.name} ({self.pid}), {self.seconds:.0f} s: {' → '.join(held)}"

    def leaks(self) -> list[str]:
        """What it holds more of than it may."""
        bounds = {
            "descriptors": (self.last.descriptors - self.warm.descriptors, MORE_DESCRIPTORS),
            "threads": (self.last.threads - self.warm.threads, MORE_THREADS),
            "bytes": (self.last.own - self.warm.own, MORE_MEMORY),
        }
        return [f"{self}: {more:,} {what} more, {most:,} are allowed"
                for what, (more, most) in bounds.items() if more > most]  # fmt: skip


class Sampler:
    """Looks at all of `services` once a second."""

    def __init__(self, services: Sequence[Service]) -> None:
        self._services = services
        self._born: dict[int, float] = {}
        self._seen: dict[tuple[str, int], list[Sample]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.to_thread(self._look)
            await asyncio.sleep(LOOK_EVERY)

    def _look(self) -> None:
        for service in self._services:
            held = sample(service.pid) if service.is_running() else None
            if held is None or held.threads == 1:
                continue
            now = time.monotonic()
            if now - self._born.setdefault(service.pid, now) >= WARM_AFTER:
                self._seen.setdefault((service.name, service.pid), []).append(held)

    def lives(self) -> list[Life]:
        """Of the processes that run now and were looked at for long enough."""
        running = {(service.name, service.pid) for service in self._services if service.is_running()}
        return [
            Life(
                name=name,
                pid=pid,
                seconds=time.monotonic() - self._born[pid],
                warm=_middle(seen[:LOOKS]),
                last=_middle(seen[-LOOKS:]),
            )
            for (name, pid), seen in sorted(self._seen.items())
            if (name, pid) in running and len(seen) >= 2 * LOOKS
        ]


def _middle(samples: Sequence[Sample]) -> Sample:
    """Each figure's median: a single look may fall into a burst."""
    return Sample(*(type(values[0])(median(values)) for values in zip(*samples, strict=True)))

"""How a contestant's client is told what to measure, and how its task functions say that they are under way.

Needs nothing but the standard library: it runs in each contestant's own environment.
"""

import json
import os
import random
import resource
import socket
import struct
import sys
import time
from collections.abc import Callable

# Where task functions send the moment they start: a datagram to the client, alike for all. The clock is the machine's.
ADDRESS = os.environ.get("BENCH_SOCKET", "")
_out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)


def mark() -> None:
    """This function is under way."""
    _out.sendto(struct.pack("d", time.monotonic()), ADDRESS)


class Client:
    """Measures one engine through `enqueue` (one run) and, if it has one, `enqueue_batch` (so many at once)."""

    def __init__(self, enqueue: Callable[[], object], enqueue_batch: Callable[[int], object] | None = None) -> None:
        self._enqueue = enqueue
        self._enqueue_batch = enqueue_batch
        self._marks = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._marks.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        self._marks.bind(ADDRESS)

    def serve(self) -> None:
        """Take orders until there are no more: one JSON list a line, one JSON answer a line."""
        print("ready", flush=True)
        for line in sys.stdin:
            name, *arguments = json.loads(line)
            print(json.dumps(getattr(self, name)(*arguments)), flush=True)

    def enqueue(self, number: int) -> dict[str, float]:
        """One after the other. Per second, and the share of the time that this process was busy."""
        return self._rate(number, lambda: [self._enqueue() for _ in range(number)])

    def batch(self, number: int) -> dict[str, float] | None:
        """All at once; None where the engine has nothing of the kind."""
        many = self._enqueue_batch
        return None if many is None else self._rate(number, lambda: many(number))

    def throughput(self, number: int) -> dict[str, float]:
        """So many runs wait and a worker starts now: a second, from the first tenth on."""
        moments = [self._next_mark() for _ in range(number)]
        first = number // 10
        return {"per_second": (number - 1 - first) / (moments[-1] - moments[first])}

    def latency(self, number: int, pause: float = 0.02) -> list[float]:
        """Milliseconds from enqueue to the function's first line, on a worker that has nothing to do.

        `pause`: up to so many seconds before each, so that a worker that polls is met at any point of its round.
        """
        samples = []
        for _ in range(number):
            time.sleep(random.uniform(0.02, pause))
            begun = time.monotonic()
            self._enqueue()
            samples.append((self._next_mark() - begun) * 1000)
        return samples

    def drain(self, number: int) -> None:
        """Wait until so many have started."""
        for _ in range(number):
            self._next_mark()

    def _next_mark(self) -> float:
        self._marks.settimeout(120)
        return float(struct.unpack("d", self._marks.recv(8))[0])

    @staticmethod
    def _rate(number: int, work: Callable[[], object]) -> dict[str, float]:
        begun, busy = time.monotonic(), _cpu()
        work()
        seconds = time.monotonic() - begun
        return {"per_second": number / seconds, "cpu": (_cpu() - busy) / seconds}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

"""The client side of fanout.py: many sockets in a process of their own that does nothing but count and look at a clock.

Of every frame (wire.py) its `n` and its moment are read, and that is all. Jobs come over stdin, one per line:
{"connect": sockets}, {"expect": the last n}, {"hear": true}; each is answered with what was measured.
"""

import asyncio
import json
import re
import sys
import time
from typing import Any

from benchmarks.wire import Wire, connect

AT_ONCE = 50  # handshakes under way
PATIENCE = 20.0  # seconds until a frame that has not come is given up
UPDATE = re.compile(rb'"n": ?(\d+),.*?"sent": ?([0-9.]+)')


class Crowd:
    """All sockets of this process."""

    def __init__(self, port: int, path: str, cookie: str) -> None:
        self.port, self.path, self.cookie = port, path, cookie
        self.lost = 0
        self._clients: list[Wire] = []
        self._delays: list[float] = []
        self._last = -1
        self._at_the_end = 0
        self._all_there = asyncio.Event()

    async def connect(self, count: int) -> float:
        """Open so many more, some at once. Returns the seconds until all had been greeted."""
        start = time.perf_counter()
        turns = asyncio.Semaphore(AT_ONCE)

        async def one() -> None:
            async with turns:
                headers = {"Cookie": self.cookie} if self.cookie else {}
                opened = await connect(
                    self.port, self.path, headers=headers, on_text=self._take, on_lost=self._count_lost
                )
                self._clients.append(opened)

        await asyncio.gather(*(one() for _ in range(count)))
        return time.perf_counter() - start

    def expect(self, last: int) -> None:
        """From now on count anew, up to update number `last`."""
        self._delays, self._last, self._at_the_end = [], last, 0
        self._all_there.clear()

    def _take(self, body: bytes) -> None:
        if found := UPDATE.search(body):
            self._hear(int(found[1]), time.perf_counter() - float(found[2]))

    def _count_lost(self, code: int) -> None:
        self.lost += 1  # nobody hangs up during a benchmark

    def _hear(self, number: int, delay: float) -> None:
        self._delays.append(delay)
        if number == self._last:
            self._at_the_end += 1
            if self._at_the_end == len(self._clients):
                self._all_there.set()

    async def heard(self) -> list[float]:
        """How late each update was that came, once everybody has heard the last one."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._all_there.wait()
        except TimeoutError:
            pass
        return self._delays


async def obey(crowd: Crowd) -> None:
    """Do what stdin says, one job after the other."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        job = json.loads(line)
        answer: dict[str, Any] = {}
        if "connect" in job:
            answer["seconds"] = await crowd.connect(job["connect"])
        elif "expect" in job:
            crowd.expect(job["expect"])
        else:
            delays = sorted(await crowd.heard())
            answer = {"frames": len(delays), "delays": delays[:: max(1, len(delays) // 2000)], "lost": crowd.lost}
        print(json.dumps({**answer, "cpu": time.process_time(), "at": time.perf_counter()}), flush=True)


async def main() -> None:
    """Port, path and cookie come on the command line."""
    await obey(Crowd(int(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else ""))


if __name__ == "__main__":
    asyncio.run(main())

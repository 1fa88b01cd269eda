"""The client side of fanout.py: many sockets in a process of their own that does nothing but count and look at a clock.

Every frame from the server is cut out of the bytes by hand, its `n` and its moment are read, and that is all: a
client library would cost more than the server. Jobs come over stdin, one per line: {"connect": sockets}, {"expect": the
last n}, {"hear": true}; each is answered with what was measured.
"""

import asyncio
import base64
import json
import os
import re
import sys
import time
from typing import Any

AT_ONCE = 50  # handshakes under way
PATIENCE = 20.0  # seconds until a frame that has not come is given up
UPDATE = re.compile(rb'"n": ?(\d+),.*?"sent": ?([0-9.]+)')
TEXT, PING = 1, 9


class Client(asyncio.Protocol):
    """One socket."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._buffer = b""
        self._is_open = False
        self.greeted = asyncio.get_running_loop().create_future()
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Shake hands."""
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        cookie = f"Cookie: {self._crowd.cookie}\r\n" if self._crowd.cookie else ""
        transport.write(
            f"GET {self._crowd.path} HTTP/1.1\r\nHost: 127.0.0.1:{self._crowd.port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{cookie}\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Count whole frames; keep the rest."""
        data = self._buffer + data
        if not self._is_open:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._buffer = head
                return
            if b" 101 " not in head:
                raise SystemExit(f"refused: {head[:200]!r}")
            self._is_open = True
        at = 0
        while len(data) >= at + 2:
            size, start = data[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(data[at + 2 : at + 4]), at + 4
            elif size == 127:
                size, start = int.from_bytes(data[at + 2 : at + 10]), at + 10
            if len(data) < start + size:
                break
            self._take(data[at] & 15, data[start : start + size])
            at = start + size
        self._buffer = data[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody hangs up during a benchmark."""
        self._crowd.lost += 1

    def _take(self, kind: int, body: bytes) -> None:
        if kind == PING:
            self.transport.write(bytes([0x8A, 0x80 | len(body)]) + b"\0\0\0\0" + body)
        elif kind == TEXT:
            if not self.greeted.done():
                self.greeted.set_result(None)
            if found := UPDATE.search(body):
                self._crowd.hear(int(found[1]), time.perf_counter() - float(found[2]))


class Crowd:
    """All sockets of this process."""

    def __init__(self, port: int, path: str, cookie: str) -> None:
        self.port, self.path, self.cookie = port, path, cookie
        self.lost = 0
        self._clients: list[Client] = []
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
                loop = asyncio.get_running_loop()
                _, client = await loop.create_connection(lambda: Client(self), "127.0.0.1", self.port)
                self._clients.append(client)
                await client.greeted

        await asyncio.gather(*(one() for _ in range(count)))
        return time.perf_counter() - start

    def expect(self, last: int) -> None:
        """From now on count anew, up to update number `last`."""
        self._delays, self._last, self._at_the_end = [], last, 0
        self._all_there.clear()

    def hear(self, number: int, delay: float) -> None:
        """An update has come."""
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

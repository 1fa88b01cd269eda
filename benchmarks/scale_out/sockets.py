"""The process that holds the sockets open: it notes what each hears, and how late.

Jobs come over stdin, one per line: `open` (port, and path, headers and whether HTML of each), `start` (from now on
delays count), `ended` (how many ends of runs and notifications were heard so far), `tell` (everything).
"""

import asyncio
import json
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from benchmarks.wire import Wire, connect

AT_ONCE = 50  # handshakes under way
FINAL = {"completed", "error", "failed", "cancelled"}
KEPT = FINAL | {"batch_update", "log"}  # these may never be left out
BADGE = re.compile(rb'data-run="([0-9a-f-]+)" data-status="(\w+)" data-seq="(\d+)"')
MOST_DELAYS = 20_000


@dataclass(slots=True)
class Heard:
    """What one socket has heard: of each run its kept seqs and ends, of notifications how many frames each has."""

    last: dict[str, int] = field(default_factory=dict)
    kept: dict[str, list[int]] = field(default_factory=dict)
    ends: Counter[str] = field(default_factory=Counter)
    notifications: Counter[int] = field(default_factory=Counter)
    backwards: int = 0  # frames whose seq was not newer than the one before
    resets: int = 0
    frames: int = 0
    closed: int | None = None  # with which code, should it have been


class Crowd:
    """All sockets."""

    def __init__(self) -> None:
        self._heard: list[Heard] = []
        self._wires: list[Wire] = []
        self._delays: dict[str, list[float]] = {"progress": [], "end": [], "notification": []}
        self._counts = False

    async def open(self, port: int, sockets: list[dict[str, Any]]) -> dict[str, Any]:
        """Open these, some at once. How many seconds until all had been greeted."""
        begun = time.perf_counter()
        turns = asyncio.Semaphore(AT_ONCE)
        self._heard += [Heard() for _ in sockets]

        async def one(socket: dict[str, Any], heard: Heard) -> None:
            take = self._take_html if socket["html"] else self._take_json

            def lost(code: int) -> None:
                heard.closed = code

            async with turns:
                headers = {"Origin": socket["origin"], **socket["headers"]}
                wire = await connect(
                    port, socket["path"], headers=headers, on_text=lambda text: take(heard, text), on_lost=lost
                )
                self._wires.append(wire)

        await asyncio.gather(*map(one, sockets, self._heard))
        return {"seconds": time.perf_counter() - begun}

    async def start(self) -> dict[str, Any]:
        """From now on delays count."""
        self._counts = True
        return {}

    async def ended(self) -> dict[str, Any]:
        """Ends of runs and notifications that were heard so far."""
        return {
            "ends": sum(heard.ends.total() for heard in self._heard),
            "notifications": sum(heard.notifications.total() for heard in self._heard),
        }

    async def tell(self) -> dict[str, Any]:
        """What each has heard, in the order they were opened; and delays in seconds, by kind of frame."""
        heard = [
            {
                "last": one.last,
                "kept": one.kept,
                "ends": one.ends,
                "notifications": one.notifications,
                "backwards": one.backwards,
                "resets": one.resets,
                "frames": one.frames,
                "closed": one.closed,
            }
            for one in self._heard
        ]
        delays = {kind: _thinned(sorted(each)) for kind, each in self._delays.items()}
        return {"heard": heard, "delays": delays}

    def _take_json(self, heard: Heard, text: bytes) -> None:
        frame = json.loads(text)
        heard.frames += 1
        match frame["type"]:
            case "job_update":
                self._take_update(heard, frame)
            case "notification":
                news = frame["notification"]
                heard.notifications[news["id"]] += 1
                self._note("notification", news["created_at"])
            case "reset":
                heard.resets += 1

    def _take_update(self, heard: Heard, frame: dict[str, Any]) -> None:
        job, seq, status = frame["job_id"], frame["seq"], frame["status"]
        heard.backwards += seq <= heard.last.get(job, -1)
        heard.last[job] = seq
        if status in KEPT:
            heard.kept.setdefault(job, []).append(seq)
        if status in FINAL:
            heard.ends[job] += 1
        if status in FINAL or status == "progress":
            self._note("end" if status in FINAL else "progress", frame["timestamp"])

    def _take_html(self, heard: Heard, text: bytes) -> None:
        heard.frames += 1
        if found := BADGE.search(text):
            job, status, seq = found[1].decode(), found[2].decode(), int(found[3])
            # Drawn from the row as it then stands: what is drawn late may say the end already, and the end again.
            heard.backwards += seq < heard.last.get(job, -1)
            heard.last[job] = seq
            heard.ends[job] = int(status in FINAL)

    def _note(self, kind: str, made: str) -> None:
        if self._counts:
            self._delays[kind].append(time.time() - datetime.fromisoformat(made).timestamp())


def _thinned(values: list[float]) -> list[float]:
    return values[:: max(1, len(values) // MOST_DELAYS)]


async def main() -> None:
    """Do what stdin says, one job after the other."""
    crowd = Crowd()
    loop = asyncio.get_running_loop()
    # One line holds all sockets.
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        job = json.loads(line)
        answer = await getattr(crowd, job.pop("do"))(**job)
        print(json.dumps({**answer, "cpu": time.process_time()}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())

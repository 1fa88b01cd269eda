"""Clients that keep their own picture over sockets, and come back as a browser does: static/js/connection.js."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import websockets

from tools.chaos.people import Person

STATUS_OF = {"pending": "pending", "progress": "running", "cancelling": "running", "batch_update": "running",
             "completed": "completed", "error": "failed", "cancelled": "cancelled"}  # fmt: skip
FINAL = {"completed", "failed", "cancelled"}
FOR_GOOD = {4401, 4403, 4404}
CROWDED = 4429
OPEN_WITHIN, QUIET_FOR, ANSWER_WITHIN = 20.0, 15.0, 5.0  # seconds, as in a browser
LONGEST_WAIT = 8.0


class Client:
    """One socket at a time, at any of `urls`. `broken` says which promises it saw broken."""

    def __init__(self, name: str, person: Person, urls: Sequence[str], rng: random.Random) -> None:
        self.name = name
        self.person = person
        self.broken: list[str] = []
        self.closed: Counter[str] = Counter()
        self.connections = 0
        self._urls = urls
        self._rng = rng
        self._losses = 0

    @property
    def path(self) -> str:
        """Where to connect now."""
        raise NotImplementedError

    @property
    def is_done(self) -> bool:
        """Is there nothing more to hear?"""
        return False

    async def hear(self, frame: dict[str, Any]) -> None:
        """Take a frame into the picture."""
        raise NotImplementedError

    async def greeted(self, socket: websockets.ClientConnection) -> None:
        """The snapshot has been heard."""

    async def run(self) -> None:
        """Until done or cancelled."""
        while not self.is_done:
            try:
                await self._connect()
            except websockets.ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else 1006
                self.closed[str(code)] += 1
                if code in FOR_GOOD:
                    self.broken.append(f"{self.name} was closed for good: {closed}")
                    return
                if code == CROWDED:
                    await asyncio.sleep(LONGEST_WAIT)
            except (OSError, TimeoutError, websockets.InvalidHandshake) as error:
                self.closed[type(error).__name__] += 1
            self._losses += 1
            await asyncio.sleep(self._rng.uniform(0, min(0.5 * 2**self._losses, LONGEST_WAIT)))

    async def _connect(self) -> None:
        site = self._rng.choice(self._urls)
        headers = {"Cookie": self.person.cookie, "Origin": site}
        async with websockets.connect(
            f"{site.replace('http', 'ws', 1)}{self.path}", additional_headers=headers, open_timeout=OPEN_WITHIN,
            ping_interval=None, close_timeout=1, max_size=None, proxy=None,
        ) as socket:  # fmt: skip
            self.connections += 1
            await socket.send('{"type": "ping"}')  # answered behind the snapshot
            is_greeted, is_asked, patience = False, True, OPEN_WITHIN
            while not self.is_done:
                try:
                    async with asyncio.timeout(patience):
                        frame = json.loads(await socket.recv())
                except TimeoutError:
                    if is_asked:
                        raise  # nobody is there
                    is_asked, patience = True, ANSWER_WITHIN
                    await socket.send('{"type": "ping"}')
                    continue
                await self.hear(frame)
                if frame["type"] == "pong" and not is_greeted:
                    is_greeted, self._losses = True, 0
                    await self.greeted(socket)
                if is_greeted:
                    is_asked, patience = False, QUIET_FOR


class Picture:
    """Where each run stands, by what was told; and that nothing is told after the end."""

    def __init__(self, name: str) -> None:
        self.seq: dict[str, int] = {}
        self.status: dict[str, str] = {}
        self.finals: Counter[str] = Counter()
        self.broken: list[str] = []
        self._name = name

    def take(self, job: str, seq: int, status: str | None) -> bool:
        """Was that news? A log line (status None) says nothing of where the run stands."""
        if seq <= self.seq.get(job, -1):
            return False
        if self.status.get(job) in FINAL:
            self.broken.append(f"{self._name} heard of run {job} after its end: {status} {seq} > {self.seq[job]}")
        self.seq[job] = seq
        if status is not None:
            self.status[job] = status
            self.finals[job] += status in FINAL
        return True


class Watcher(Client):
    """All runs of a person, over one socket."""

    def __init__(self, name: str, person: Person, urls: Sequence[str], rng: random.Random) -> None:
        super().__init__(name, person, urls, rng)
        self.picture = Picture(name)
        self.broken = self.picture.broken
        self._since_greeting: set[str] = set()
        self._asking: set[asyncio.Task[None]] = set()

    @property
    def path(self) -> str:
        """Everything of mine."""
        self._since_greeting = set()
        return "/ws/progress/mine"

    async def hear(self, frame: dict[str, Any]) -> None:
        """A run's news, or the answer to a question about one."""
        if frame["type"] == "job_update":
            self._since_greeting.add(frame["job_id"])
            self.picture.take(frame["job_id"], frame["seq"], STATUS_OF.get(frame["status"]))
        elif frame["type"] == "status_request":
            self.picture.take(frame["task"]["id"], frame["task"]["seq"], frame["task"]["status"])

    async def greeted(self, socket: websockets.ClientConnection) -> None:
        """Ask of what is held as live and was left out: it may have ended long ago."""
        live = {job for job, status in self.picture.status.items() if status not in FINAL}
        task = asyncio.create_task(_ask_of(socket, sorted(live - self._since_greeting)))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)


async def _ask_of(socket: websockets.ClientConnection, jobs: list[str]) -> None:
    with suppress(websockets.ConnectionClosed):
        for job in jobs:
            await socket.send(json.dumps({"type": "get_status", "job_id": job}))
            await asyncio.sleep(0.15)  # more than 20 frames a second would end the socket


class Follower(Client):
    """One run, each state, batch and line of it: comes back with `since`, and is done at its end."""

    def __init__(self, run_id: UUID, person: Person, urls: Sequence[str], rng: random.Random) -> None:
        super().__init__(f"follower of {run_id}", person, urls, rng)
        self.run_id = str(run_id)
        self.picture = Picture(self.name)
        self.broken = self.picture.broken
        self.heard: set[int] = set()  # the seqs of batches and lines
        self.progress = 0  # frames of progress
        self.was_told_of_a_gap = False

    @property
    def path(self) -> str:
        """With what is held."""
        return f"/ws/bulk-process/{self.run_id}?since={self.picture.seq.get(self.run_id, 0)}"

    @property
    def is_done(self) -> bool:
        """It has ended, for all it knows."""
        return self.picture.status.get(self.run_id) in FINAL

    async def hear(self, frame: dict[str, Any]) -> None:
        """News of the run, or that some of it is lost."""
        if frame["type"] == "reset" or "skipped" in frame:
            self.was_told_of_a_gap = True
        if frame["type"] == "reset":
            self.picture.seq.clear()
        if frame["type"] == "job_update":
            if frame["status"] in {"batch_update", "log"}:
                self.heard.add(frame["seq"])
            self.progress += frame["status"] == "progress"
            self.picture.take(self.run_id, frame["seq"], STATUS_OF.get(frame["status"]))


class Bell(Client):
    """The notifications of a person: what the bell shows."""

    def __init__(self, name: str, person: Person, urls: Sequence[str], rng: random.Random) -> None:
        super().__init__(name, person, urls, rng)
        self.unread: int | None = None

    @property
    def path(self) -> str:
        """Mine."""
        return "/ws/notifications"

    async def hear(self, frame: dict[str, Any]) -> None:
        """The count, with a notification or alone."""
        self.unread = frame.get("unread_count", self.unread)

"""What goes on meanwhile: runs are enqueued, cancelled and run again, by somebody who finds out what was taken."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
from django.db import Error as DatabaseError
from django.utils import timezone

from tasks.db import in_thread
from tasks.exceptions import AlreadyRunning
from tasks.models import TaskRun
from tools.chaos.functions import KINDS, once
from tools.chaos.people import Person

PATIENCE = 10.0  # seconds for one answer of the API
TOPIC = "chaos"


@dataclass(kw_only=True)
class Book:
    """What was asked for, and what came of it. Times are the driver's own."""

    taken: dict[str, UUID] = field(default_factory=dict)  # key → run
    cancelled: set[UUID] = field(default_factory=set)  # asked for, be it taken or not
    retried: set[UUID] = field(default_factory=set)  # runs that a 202 has promised
    unsure: int = 0  # enqueues that failed and had to be looked for
    found: int = 0  # of those, how many had been taken
    answers: Counter[str] = field(default_factory=Counter)  # of the API
    broken: list[str] = field(default_factory=list)  # promises that were seen broken on the way


class Driver:
    """Enqueues `per_second` runs for `people`, through the webs at `urls` where the API can do it."""

    def __init__(
        self,
        people: list[Person],
        urls: list[str],
        *,
        seed: int,
        per_second: float,
        watch: Callable[[UUID, Person], None],
    ) -> None:
        self.book = Book()
        self._people = people
        self._urls = urls
        self._rng = random.Random(seed)
        self._pause = 1 / per_second
        self._watch = watch
        self._stopping = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._recent: list[tuple[UUID, Person]] = []

    def stop(self) -> None:
        """Ask for nothing more."""
        self._stopping.set()

    async def run(self) -> None:
        """Until stopped, and until everything that was asked for is known to be taken or not."""
        number = 0
        async with httpx2.AsyncClient(timeout=PATIENCE, trust_env=False) as http:
            while not self._stopping.is_set():
                number += 1
                self._start(self._enqueue(f"chaos-{number}"))
                for deed in (self._cancel, self._retry, self._look, self._read):
                    if self._rng.random() < 0.12:
                        self._start(deed(http))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), self._pause * self._rng.uniform(0.3, 1.7))
            await asyncio.gather(*self._under_way)

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _enqueue(self, key: str) -> None:
        person = self._rng.choice(self._people)
        [function] = self._rng.choices(list(KINDS), list(KINDS.values()))
        steps, pause = self._rng.randint(2, 25), self._rng.uniform(0.02, 0.2)
        later = timezone.now() + timedelta(seconds=self._rng.uniform(1, 6)) if self._rng.random() < 0.1 else None
        asked = function.using(
            owner=person.user, topic=TOPIC, unique=key, run_after=later, priority=self._rng.choice([0, 0, 0, 5, -5])
        )
        if function is once and self._rng.random() < 0.2:
            steps = 100  # a long bar
        while True:
            try:
                run_id = UUID((await in_thread(asked.enqueue, steps, pause)).id)
            except AlreadyRunning as busy:
                run_id = busy.run_id
            except DatabaseError:
                self.book.unsure += 1
                found = await self._find(key)
                if found is None:
                    continue
                self.book.found += 1
                run_id = found
            break
        self.book.taken[key] = run_id
        self._recent = [*self._recent[-40:], (run_id, person)]
        if self._rng.random() < 0.5:
            self._watch(run_id, person)

    async def _find(self, key: str) -> UUID | None:
        """Was it taken? Asked until the database says."""
        while True:
            await asyncio.sleep(0.3)
            with suppress(DatabaseError):
                return await in_thread(_run_of, key)

    async def _cancel(self, http: httpx2.AsyncClient) -> None:
        if self._recent:
            run_id, person = self._rng.choice(self._recent)
            self.book.cancelled.add(run_id)
            await self._ask(http, person, "DELETE", f"/api/background-tasks/task/{run_id}")

    async def _retry(self, http: httpx2.AsyncClient) -> None:
        if self._recent:
            run_id, person = self._rng.choice(self._recent)
            answer = await self._ask(http, person, "POST", f"/api/background-tasks/task/{run_id}/retry")
            if answer is not None and answer.status_code == 202:
                self.book.retried.add(UUID(answer.json()["task_id"]))

    async def _look(self, http: httpx2.AsyncClient) -> None:
        await self._ask(http, self._rng.choice(self._people), "GET", "/api/background-tasks/tasks?limit=20")

    async def _read(self, http: httpx2.AsyncClient) -> None:
        if self._rng.random() < 0.3:
            await self._ask(http, self._rng.choice(self._people), "POST", "/api/notifications/mark-all-read")

    async def _ask(self, http: httpx2.AsyncClient, person: Person, method: str, path: str) -> httpx2.Response | None:
        url = self._rng.choice(self._urls)
        try:
            answer = await http.request(method, url + path, headers={"Authorization": f"Bearer {person.token}"})
        except httpx2.HTTPError as error:
            self.book.answers[type(error).__name__] += 1
            return None
        self.book.answers[str(answer.status_code)] += 1
        if answer.status_code >= 500 and answer.status_code != 503:
            self.book.broken.append(f"{method} {path} at {url} answered {answer.status_code}: {answer.text[:300]}")
        return answer


def _run_of(key: str) -> UUID | None:
    return TaskRun.objects.filter(unique_key=key, retry_of=None).values_list("pk", flat=True).first()

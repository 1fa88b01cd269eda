"""From the start to the verdict: start, disturb, let calm down, count, end."""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any
from uuid import UUID

import httpx2
import psutil
from django.utils import timezone

from tasks.db import in_thread
from tasks.models import TaskRun
from tools.chaos import checks
from tools.chaos.clients import Bell, Client, Follower, Watcher
from tools.chaos.disturb import Disturber
from tools.chaos.functions import tick
from tools.chaos.leaks import Sampler
from tools.chaos.logs import findings
from tools.chaos.people import Person, settle_in
from tools.chaos.plan import make_plan
from tools.chaos.site import Site
from tools.chaos.work import Book, Driver

WARM_UP = 6.0  # seconds before the first disturbance
AT_REST_WITHIN = 300.0  # seconds after the last one until nothing lives any more; generous, for a machine under load
CONVERGED_WITHIN = 90.0
MUCH_NEWS = 10  # frames of progress in the five seconds of a run: who only re-reads hears three
NEWS_AGAIN_WITHIN = 90.0
GONE_WITHIN = 30.0
MOST_FOLLOWERS = 25  # at a time; a person may have 50 sockets per process
MOST_SHOWN = 12  # of one kind of trouble


class Course:
    """One chaos on `site`. `run()` returns the promises that were broken."""

    def __init__(
        self,
        site: Site,
        *,
        seed: int,
        seconds: float,
        per_second: float,
        longest: float,
        driver: str,
        say: Callable[[str], None],
    ) -> None:
        self._site = site
        self._seed = seed
        self._rng = random.Random(seed)
        self._say = say
        self._per_second = per_second
        self._broken: list[str] = []
        self._clients: list[Client] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._urls = [web.url for web in site.webs]
        self._plan = make_plan(
            seed,
            seconds=seconds,
            webs=[web.name for web in site.webs],
            workers=[worker.name for worker in site.workers],
            driver=driver,
            longest=longest,
        )

    async def run(self) -> list[str]:
        """Everything, in order; what was started is ended, whatever happens."""
        site, begin = self._site, time.monotonic()
        await site.open_links()
        try:
            await asyncio.to_thread(site.__enter__)
            self._say(
                f"{len(site.webs)} webs and {len(site.workers)} workers stand; {len(self._plan)} disturbances planned"
            )
            await self._live_through()
        finally:
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)
            site.heal_links()
            await asyncio.to_thread(site.__exit__)
            await site.close_links()
        self._note("is left over", await _left_over(str(site.folder)))
        self._judge_logs()
        self._say(f"done after {time.monotonic() - begin:.0f} s")
        return self._broken

    async def _live_through(self) -> None:
        *people, flooder = await in_thread(settle_in, ["ada", "ben", "cleo", "flooder"])
        sampler = Sampler(self._site.services)
        self._start(sampler.run())
        for person in people:
            for kind in (Watcher, Bell):
                self._connect(kind(f"{kind.__name__.lower()} of {person.user}", person, self._urls, self._rng))
        driver = Driver(people, self._urls, seed=self._seed, per_second=self._per_second, watch=self._follow)
        working = self._start(driver.run())
        await asyncio.sleep(WARM_UP)
        disturber = Disturber(self._site, flooder, self._say)
        await disturber.run(self._plan)
        self._site.heal_links()
        self._say("calm from here on")
        driver.stop()
        await working
        await self._rest()
        await self._converge()
        await self._hear_news(people[0], driver.book)
        self._note("disturbance", disturber.broken)
        self._note("seen on the way", driver.book.broken)
        self._note("gone", await in_thread(checks.check_taken, driver.book))
        self._note("run", await in_thread(checks.check_runs, driver.book, self._site.folder))
        self._note("notifications", await in_thread(checks.check_notifications))
        self._note("counts", await in_thread(checks.check_counts))
        await self._judge_bells(people)
        self._note("client", [what for client in self._clients for what in client.broken])
        for life in sampler.lives():
            self._say(f"held by {life}")
            self._note("leak", life.leaks())
        await self._report(disturber, driver)

    # -- clients -----------------------------------------------------------------------------------------------------

    def _follow(self, run_id: UUID, person: Person) -> None:
        open_now = sum(isinstance(client, Follower) and not client.is_done for client in self._clients)
        if open_now < MOST_FOLLOWERS:
            self._connect(Follower(run_id, person, self._urls, self._rng))

    def _connect(self, client: Client) -> asyncio.Task[None]:
        self._clients.append(client)
        return self._start(client.run())

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        return task

    # -- coming to rest ----------------------------------------------------------------------------------------------

    async def _rest(self) -> None:
        """Wait until no run lives and no ticket is left. That it never comes to rest is told by the checks."""
        deadline = time.monotonic() + AT_REST_WITHIN
        while moving := await in_thread(checks.unsettled):
            if time.monotonic() > deadline:
                self._broken.append(f"not at rest {AT_REST_WITHIN:.0f} s after the last disturbance: {moving}")
                return
            await asyncio.sleep(0.5)
        self._say("at rest: no run lives, no ticket is left")

    async def _converge(self) -> None:
        """Wait until each client's picture is what the database says."""
        deadline = time.monotonic() + CONVERGED_WITHIN
        while apart := await in_thread(self._apart):
            if time.monotonic() > deadline:
                self._note("not converged", apart)
                return
            await asyncio.sleep(0.5)
        self._say(f"converged: {len(self._clients)} clients hold what the database says")

    async def _hear_news(self, person: Person, asked: Book) -> None:
        """Wait until each web tells what happens when it happens, rather than when it looks again."""
        deadline = time.monotonic() + NEWS_AGAIN_WITHIN
        silent = self._urls
        while silent:
            key = f"chaos-news-{time.monotonic()}"
            run_id = UUID((await in_thread(tick.using(owner=person.user, unique=key).enqueue)).id)
            asked.taken[key] = run_id
            followers = {url: Follower(run_id, person, [url], self._rng) for url in silent}
            await asyncio.wait([self._connect(follower) for follower in followers.values()], timeout=AT_REST_WITHIN)
            silent = [url for url, follower in followers.items() if follower.progress < MUCH_NEWS]
            if silent and time.monotonic() > deadline:
                self._broken.append(f"no news, only re-reads, {NEWS_AGAIN_WITHIN:.0f} s after all was calm: {silent}")
                return
        self._say("news flow again in each web")
        await self._rest()

    def _apart(self) -> list[str]:
        truth: dict[int | None, dict[str, tuple[str, int]]] = {}
        for pk, owner, status, seq in TaskRun.objects.values_list("pk", "owner_id", "status", "seq"):
            truth.setdefault(owner, {})[str(pk)] = (status, seq)
        apart = []
        for client in self._clients:
            if not isinstance(client, Watcher | Follower) or client.broken:
                continue
            theirs = truth.get(client.person.user.pk, {})
            wanted = theirs if isinstance(client, Watcher) else {client.run_id: theirs[client.run_id]}
            for job, (status, seq) in wanted.items():
                held = (client.picture.status.get(job), client.picture.seq.get(job))
                if held != (status, seq) or client.picture.finals[job] != 1:
                    apart.append(f"{client.name} holds {held} of run {job}, which is {(status, seq)}; "
                                 f"heard of {client.picture.finals[job]} ends")  # fmt: skip
        return apart

    async def _judge_bells(self, people: list[Person]) -> None:
        """What the bell shows is what the API says."""
        bells = {client.person.user.pk: client for client in self._clients if isinstance(client, Bell)}
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as http:
            for person in people:
                answer = await http.get(
                    f"{self._urls[-1]}/api/notifications/unread-count",
                    headers={"Authorization": f"Bearer {person.token}"},
                )
                count, shown = answer.json().get("count"), bells[person.user.pk].unread
                if shown != count:
                    self._broken.append(f"the bell of {person.user} shows {shown}, the API says {count}")

    # -- the verdict -------------------------------------------------------------------------------------------------

    def _note(self, kind: str, wrong: list[str]) -> None:
        self._broken += [f"{kind}: {what}" for what in wrong[:MOST_SHOWN]]
        if len(wrong) > MOST_SHOWN:
            self._broken.append(f"{kind}: {len(wrong) - MOST_SHOWN} more")

    def _judge_logs(self) -> None:
        ours = [service.log for service in (*self._site.webs, *self._site.workers)]
        unexpected, said = findings(ours)
        for kind, number in said.most_common():
            self._say(f"said {number} times: {kind}")
        self._note("log", [f"{one.log}: {one.text}" for one in unexpected])

    async def _report(self, disturber: Disturber, driver: Driver) -> None:
        book = driver.book
        followers = [client for client in self._clients if isinstance(client, Follower)]
        heard = {one.run_id: one.heard for one in followers if not one.was_told_of_a_gap}
        missed = await in_thread(checks.missed_events, heard)
        closed = sum((client.closed for client in self._clients), Counter())
        self._say(f"done to it: {_in_words(disturber.done)}")
        self._say(f"starts: {_in_words({service.name: service.starts for service in self._site.services})}")
        self._say(f"runs: {_in_words(await in_thread(checks.figures))}")
        self._say(
            f"enqueues: {len(book.taken)} taken; {book.unsure} failed in doubt, of which {book.found} had been taken"
        )
        self._say(f"API answers: {_in_words(book.answers)}")
        connections = sum(client.connections for client in self._clients)
        self._say(f"sockets: {len(self._clients)} clients, {connections} connections; closed: {_in_words(closed)}")
        heard_of = sum(len(seqs) for seqs in heard.values())
        self._say(f"batches and log lines that a follower was not told of: {len(missed)}, of {heard_of + len(missed)}")
        now = timezone.now()
        ago = Counter(int((now - at).total_seconds()) // 5 * 5 for at in missed)
        self._say(f"    said so many seconds ago: {_in_words(sorted(ago.items(), reverse=True))}")


def _in_words(numbers: Any) -> str:
    return ", ".join(f"{name} {number}" for name, number in dict(numbers).items()) or "none"


async def _left_over(folder: str) -> list[str]:
    """Processes that still have our folder in their environment when they had time to notice that they are alone."""
    deadline = time.monotonic() + GONE_WITHIN
    while left := _with_in_environment(folder):
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(0.5)
    return left


def _with_in_environment(folder: str) -> list[str]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get("CHAOS_FOLDER") == folder:
                found.append(f"process {process.pid}: {' '.join(process.cmdline())[:200]}")
    return found

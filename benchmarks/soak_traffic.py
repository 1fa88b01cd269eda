"""The people and programs of soak.py: a process that works with an installation until it is told to end.

What it did is printed as JSON, a line every minute. Everything is small and goes on all the time: runs of several
kinds, collections of fresh news, pages, sockets that come and go, notifications read, old runs deleted.
"""

import asyncio
import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "statusproj.settings")

PEOPLE = 20
SOCKETS = 40
PAGES = (
    *("/", "/tasks/", "/notifications/", "/keyword-alerts/", "/api/background-tasks/tasks?limit=50"),
    *("/api/notifications", "/metrics", "/readyz", "/tasks/schedules/"),
)
KEEP_HOURS = 0.25

done: Counter[str] = Counter()
over = threading.Event()


def every(seconds: float, what: str) -> Callable[[Callable[[], None]], threading.Thread]:
    """A thread that does it again and again, `seconds` apart, whatever happens."""

    def make(work: Callable[[], None]) -> threading.Thread:
        def go_on() -> None:
            while not over.wait(seconds * random.uniform(0.5, 1.5)):
                try:
                    work()
                    done[what] += 1
                except Exception as error:  # it must last for hours; what failed is told
                    done[f"{what}: {type(error).__name__}"] += 1

        return threading.Thread(target=go_on, name=what)

    return make


def main() -> None:
    """The port of a web process comes on the command line."""
    import django

    django.setup()
    port = int(sys.argv[1])

    from django.contrib.auth.models import User
    from django.test import Client

    from benchmarks import functions
    from ingest.demo import next_edition, open_site, prepare
    from ingest.jobs import start_collecting
    from notifications import facade
    from tasks.exceptions import TransitionRefused
    from tasks.manager import cancel_task, cleanup_old_tasks

    people, cookies = [], []
    for number in range(PEOPLE):
        people.append(
            User.objects.get_or_create(username=f"person-{number}", defaults={"is_staff": True, "is_superuser": True})[
                0
            ]
        )
        client = Client()
        client.force_login(people[-1])
        cookies.append(f"sessionid={client.cookies['sessionid'].value}")
    topics = prepare(people[0])
    site = open_site(topics, port=int(os.environ["DEMO_SITE_PORT"]))

    @every(0.45, "runs")
    def enqueue() -> None:
        kind = random.choice([functions.steps, functions.steps, functions.fails, functions.apart])
        run = kind.using(owner=random.choice(people)).enqueue(random.uniform(0.1, 3))
        if random.random() < 0.1:
            time.sleep(0.5)
            with suppress(TransitionRefused):  # it has ended
                cancel_task(run.id)

    @every(120.0, "collections")
    def collect() -> None:
        site.edition = next_edition(topics)
        start_collecting(people[0], topics[0])

    @every(1.0, "pages")
    def read() -> None:
        http = HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            http.request("GET", random.choice(PAGES), headers={"Cookie": random.choice(cookies)})
            answer = http.getresponse()
            answer.read()
            if answer.status != 200:
                raise HTTPException(str(answer.status))
        finally:
            http.close()

    @every(300.0, "cleanups")
    def clean() -> None:
        for person in people:
            facade.mark_all_notifications_as_read(person)
        cleanup_old_tasks(KEEP_HOURS)

    @every(60.0, "told")
    def tell() -> None:
        print(json.dumps(done), flush=True)

    threads = [enqueue, collect, read, clean, tell]
    for thread in threads:
        thread.start()
    topic_ids = [str(topic.pk) for topic in topics]
    sockets = threading.Thread(target=lambda: asyncio.run(listen(port, cookies, topic_ids)), name="sockets")
    sockets.start()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    signal.signal(signal.SIGINT, lambda *_: over.set())
    while not over.wait(1):
        pass
    for thread in [*threads, sockets]:
        thread.join()
    site.stop()
    print(json.dumps(done), flush=True)


async def listen(port: int, cookies: list[str], topics: list[str]) -> None:
    """So many sockets at a time; each stays for a minute or so, then another comes in its place."""
    async with asyncio.TaskGroup() as group:
        for _ in range(SOCKETS):
            group.create_task(come_and_go(port, cookies, topics))


async def come_and_go(port: int, cookies: list[str], topics: list[str]) -> None:
    """One place among the sockets, taken again and again."""
    import websockets

    paths = ["/ws/notifications", "/ws/notifications?content=html", *(f"/ws/progress/{topic}" for topic in topics)]
    await asyncio.sleep(random.uniform(0, 10))
    while not over.is_set():
        try:
            async with websockets.connect(
                f"ws://127.0.0.1:{port}{random.choice(paths)}",
                additional_headers={"Cookie": random.choice(cookies) if random.random() < 0.5 else cookies[0]},
                open_timeout=30,
            ) as socket:
                done["sockets"] += 1
                with suppress(TimeoutError):
                    async with asyncio.timeout(random.uniform(5, 120)):
                        async for _frame in socket:
                            done["frames"] += 1
                            if over.is_set():
                                break
        except (OSError, TimeoutError, websockets.WebSocketException) as error:
            done[f"sockets: {type(error).__name__}"] += 1
            await asyncio.sleep(1)


if __name__ == "__main__":
    main()

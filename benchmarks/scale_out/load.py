"""The process that signs users in and starts their runs, as an application would: with the project's own functions.

Jobs come over stdin, one per line; each is answered with what it says, and the processor seconds spent so far.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any, cast

from benchmarks.scale_out.plan import WATCHED, topic_of

TOKEN_EVERY = 5  # one user in so many comes with an API token, the others with a session
PAUSED = "default"


class Starter:
    """Each method is a job."""

    def __init__(self) -> None:
        self._users: list[Any] = []

    def prepare(self, users: int) -> dict[str, Any]:
        """Make so many users. Their headers, by which they sign in."""
        from django.contrib.auth.models import User
        from django.test import Client

        from accounts import tokens
        from accounts.scopes import Scope

        made = User.objects.bulk_create([User(username=f"user-{number}", password="!") for number in range(users)])
        self._users = list(made)
        headers = []
        for place, user in enumerate(made):
            if place % TOKEN_EVERY == 0:
                _, secret = tokens.create(user, name="benchmark", scopes=list(Scope), expires_at=None)
                headers.append({"Authorization": f"Bearer {secret}"})
            else:
                client = Client()
                client.force_login(user)
                headers.append({"Cookie": f"sessionid={client.cookies['sessionid'].value}"})
        return {"headers": headers}

    def watched(self, steps: int) -> dict[str, Any]:
        """Two runs of each user, in a queue that stands still. Their ids by user."""
        from tasks import queues

        queues.pause(PAUSED)
        return {"ids": [[self._start(user, n, steps) for n in range(WATCHED)] for user in self._users]}

    def go(self) -> dict[str, Any]:
        """Let the queue go on."""
        from tasks import queues

        queues.resume(PAUSED)
        return {}

    def load(self, owners: int, batch: int, trickle: int, seconds: float, steps: int) -> dict[str, Any]:
        """Batches of the first `owners` users, then one run after the other, evenly over `seconds`.

        How many seconds each part took, how late the last of the single ones was started, and how many frames this
        process has published so far.
        """
        from benchmarks.functions import short_run
        from live.traffic import TRAFFIC
        from tasks.manager import create_tasks

        begun = time.perf_counter()
        for user in self._users[:owners]:
            create_tasks(cast(Any, short_run), ({"total": steps} for _ in range(batch)), owner=user, topic=topic_of(0))
        batches = time.perf_counter()
        for number in range(trickle):
            due = batches + number * seconds / trickle
            time.sleep(max(0.0, due - time.perf_counter()))
            self._start(self._users[number % len(self._users)], number // len(self._users), steps)
        ended = time.perf_counter()
        return {
            "batches": batches - begun,
            "trickle": ended - batches,
            "late": max(0.0, ended - due),
            "published": TRAFFIC.published,
        }

    def _start(self, user: Any, number: int, steps: int) -> str:
        from benchmarks.functions import short_run

        return str(short_run.using(owner=user, topic=topic_of(number)).enqueue(total=steps).id)


def orders() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and arguments of each job."""
    for line in sys.stdin:
        job = json.loads(line)
        yield job.pop("do"), job


def main() -> None:
    """Do what stdin says."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "statusproj.settings")
    import django

    django.setup()
    starter = Starter()
    for name, arguments in orders():
        answer = getattr(starter, name)(**arguments)
        print(json.dumps({**answer, "cpu": time.process_time()}), flush=True)


if __name__ == "__main__":
    main()

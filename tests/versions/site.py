"""Two versions of the site on one Postgres and one Redis, and the people in front of them."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from django.db import connection
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.servers import Process, Server, database_url
from tests.waiting import eventually

CANCELLING = ("cancelling", "cancelling")
FINAL = {"completed", "error", "cancelled"}
DATABASE = "two_versions_of_a_test"
CSRF = "a" * 32  # cookie and header must agree, nothing more

# In the code of the version before: its database, somebody to sign in, and runs that either web can start again.
SEED = """
import json, sys
import django
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from tasks import lifecycle
from tasks.models import TaskRun
from tests.tasks import functions
call_command("migrate", verbosity=0)
owner = User.objects.create_user("owner", password="correct horse")
client = Client()
client.force_login(owner)
seeds = {}
for name, (function, queue, argument) in json.loads(sys.argv[1]).items():
    made = getattr(functions, function).using(owner=owner, queue_name=queue, title=name).enqueue(argument)
    seeds[name] = str(lifecycle.cancel(TaskRun.objects.get(pk=made.id)).pk)
print(json.dumps({"session": client.cookies["sessionid"].value, "seeds": seeds}))
"""


@contextmanager
def database() -> Iterator[str]:
    """An empty database on the server of this test's own; yields its address."""
    name = connection.settings_dict["NAME"]
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {DATABASE}")
    try:
        yield database_url().replace(f"/{name}?", f"/{DATABASE}?")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")


class Command(Process):
    """Python itself, with a program given as text."""

    program = ("-c",)


def seed(root: Path, wanted: dict[str, tuple[str, str, Any]], environment: dict[str, str]) -> dict[str, Any]:
    """Make the database as the code under `root` has it. Returns `session`, and the `seeds` by name: cancelled runs."""
    process = Command(SEED, json.dumps(wanted), root=root, **environment)
    assert process.wait(90) == 0, process.log
    process.end()
    said: dict[str, Any] = json.loads(process.log.splitlines()[-1])
    return said


class Person:
    """Somebody signed in, at whichever web."""

    def __init__(self, session: str) -> None:
        self.extra: dict[str, str] = {}  # headers of every request
        self._cookie = f"sessionid={session}; csrftoken={CSRF}"

    def ask(self, web: Server, method: str, path: str) -> dict[str, Any]:
        """What the API answers; it must agree."""
        with closing(HTTPConnection("127.0.0.1", web.port, timeout=30)) as http:
            http.request(method, path, headers={"Cookie": self._cookie, "X-CSRFToken": CSRF, **self.extra})
            answer = http.getresponse()
            body = answer.read().decode()
            assert answer.status < 300, f"{method} {path}: {answer.status} {body[:500]}"
            said: dict[str, Any] = json.loads(body)
            return said

    def start(self, web: Server, seed_id: str) -> str:
        """Enqueue a run at this web: what the seed was, again."""
        return str(self.ask(web, "POST", f"/api/background-tasks/task/{seed_id}/retry")["task_id"])

    def run(self, web: Server, run_id: str) -> dict[str, Any]:
        """How a run stands, as this web tells it."""
        told: dict[str, Any] = self.ask(web, "GET", f"/api/background-tasks/task/{run_id}")["task"]
        return told

    def history(self, web: Server, run_id: str) -> list[tuple[str, Any]]:
        """Kind and status of each event, as this web tells it."""
        events = self.ask(web, "GET", f"/api/background-tasks/task/{run_id}/events?limit=1000")["events"]
        return [(event["kind"], event["data"].get("status")) for event in events]

    def listen(self, web: Server) -> "Listener":
        """A socket that hears of all own runs."""
        return Listener(f"{web.ws_url}/ws/progress/mine", self._cookie)


class Listener:
    """A socket, and what it has heard: read on a thread until it is closed."""

    def __init__(self, url: str, cookie: str) -> None:
        self.heard: list[dict[str, Any]] = []
        self.code: int | None = None
        self._hung_up = threading.Event()
        self._thread = threading.Thread(target=self._read, args=[url, cookie], daemon=True)
        self._thread.start()
        eventually(lambda: self.heard, what="the socket is greeted")

    def of(self, run_id: str) -> list[dict[str, Any]]:
        """The updates of one run, in the order in which they came."""
        return [frame for frame in list(self.heard) if frame["type"] == "job_update" and frame["job_id"] == run_id]

    def statuses(self, run_id: str) -> list[str]:
        """What was said of one run that may not be passed over: all but progress, of one being cancelled too."""
        said = [frame["status"] for frame in self.of(run_id) if frame["status"] not in {"progress", "pending"}]
        return [status for status, before in zip(said, [None, *said], strict=False) if (status, before) != CANCELLING]

    def has_ended(self, run_id: str) -> bool:
        """Was it told how the run ended?"""
        return bool(FINAL & set(self.statuses(run_id)))

    def closed(self) -> int | None:
        """Wait for the other side to close. Returns its code."""
        self._thread.join(30)
        return self.code

    def close(self) -> None:
        """Hang up."""
        self._hung_up.set()
        self._thread.join(10)

    def _read(self, url: str, cookie: str) -> None:
        with connect(url, additional_headers={"Cookie": cookie}, open_timeout=30) as socket:
            while not self._hung_up.is_set():
                try:
                    self.heard.append(json.loads(socket.recv(timeout=0.2)))
                except TimeoutError:
                    continue
                except ConnectionClosed:
                    break
        self.code = socket.close_code

"""Postgres is gone for a minute under workers that are busy: nothing is lost, nothing is done twice."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings

from statusproj.embedded_postgres.server import DATABASE, EmbeddedServer
from tests.servers import ROOT, Process
from tests.tasks.functions import gate_file
from tests.waiting import eventually

pytestmark = [pytest.mark.process, pytest.mark.timeout(420)]

OUTAGE = 60  # seconds

ENQUEUE = """
import django, sys
django.setup()
from django.contrib.auth.models import User
from tests.tasks import functions
owner, _ = User.objects.get_or_create(username="owner")
for number in range(int(sys.argv[3])):
    print(functions.leave_traces.using(owner=owner).enqueue(sys.argv[1], sys.argv[2]).id)
"""


class OwnPostgres:
    """A server of our own that a test may stop and start; processes know it by its address only."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedServer(folder)
        self._host = self._server.ensure_running()
        url = f"postgresql://postgres@/{DATABASE}?host={quote(str(self._host))}"
        self.environment = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "statusproj.settings"}

    def stop(self) -> None:
        """Stop it as a restart of its machine does: clients are cut off."""
        self._server._stop()

    def start(self) -> None:
        """Start it again."""
        self._server.ensure_running()

    def end(self) -> None:
        """Stop it for good."""
        self._server.release()

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database says."""
        with psycopg.connect(host=str(self._host), user="postgres", dbname=DATABASE) as connection:
            return connection.execute(query, values).fetchall()

    def python(self, *arguments: str) -> str:
        """Run Python against it. Returns what was printed."""
        command = [sys.executable, "-W", "ignore", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **self.environment}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status_of(self, run_id: str) -> str:
        """The run's status."""
        return str(self.ask("SELECT status FROM background_tasks WHERE id = %s", run_id)[0][0])


@pytest.fixture
def postgres() -> Iterator[OwnPostgres]:
    """A migrated database in a server of its own."""
    # Not in pytest's folder: each pytest that starts on this machine closes that to Postgres' own user.
    with TemporaryDirectory(prefix="outage-", dir=settings.DATA_DIR) as folder:
        server = OwnPostgres(Path(folder))
        server.python("manage.py", "migrate", "-v", "0")
        yield server
        server.end()


@pytest.fixture
def workers(postgres: OwnPostgres) -> Iterator[list[Process]]:
    """One worker with one place, and one for another queue, who only looks after the others."""
    processes = [
        Process("worker", "--concurrency", "1", **postgres.environment),
        Process("worker", "--queue", "elsewhere", **postgres.environment),
    ]
    yield processes
    for process in processes:
        process.end()
        print(process.log)


def test_a_minute_without_postgres_loses_nothing_and_does_nothing_twice(
    postgres: OwnPostgres, workers: list[Process], tmp_path: Path
) -> None:
    busy, waiting, later = (str(tmp_path / name) for name in ("busy", "waiting", "later"))
    gate = gate_file("outage")
    gate.unlink(missing_ok=True)
    running = postgres.python("-c", ENQUEUE, busy, "outage", "1").strip()
    in_line = postgres.python("-c", ENQUEUE, waiting, "", "1").strip()
    eventually(lambda: Path(busy).exists(), within=60)
    eventually(lambda: postgres.ask("SELECT count(*) FROM procrastinate_workers")[0][0] == 2, within=60)

    postgres.stop()
    away_since = time.monotonic()
    eventually(lambda: time.monotonic() - away_since > OUTAGE / 3, within=OUTAGE)
    assert Path(busy).read_text() == "begun\n"
    gate.touch()
    eventually(lambda: Path(busy).read_text() == "begun\nended\n", within=OUTAGE)
    eventually(lambda: time.monotonic() - away_since > OUTAGE, within=2 * OUTAGE)
    postgres.start()
    back_since = time.monotonic()

    eventually(lambda: postgres.status_of(running) == "completed", within=60)
    eventually(lambda: postgres.status_of(in_line) == "completed", within=60)
    print(f"both runs had completed {time.monotonic() - back_since:.1f} s after it was back")
    gate.unlink()
    assert Path(busy).read_text() == Path(waiting).read_text() == "begun\nended\n"
    for run_id in (running, in_line):
        [row] = postgres.ask(
            "SELECT attempt, rescues, failed_attempts, result FROM background_tasks WHERE id = %s", run_id
        )
        assert row == (1, 0, 0, "traced")
        states = postgres.ask(
            "SELECT data->>'status' FROM task_events WHERE run_id = %s AND kind = 'state' ORDER BY seq", run_id
        )
        assert [state for (state,) in states] == ["pending", "running", "completed"]
        assert postgres.ask("SELECT data->>'message' FROM task_events WHERE run_id = %s AND kind = 'log'", run_id)
    assert postgres.ask("SELECT count(*) FROM notifications") == [(2,)], "one for each run"
    assert all(worker.is_running() for worker in workers)

    # Each worker listens again, rather than being left with looking once a second.
    listening = "SELECT count(*) FROM pg_stat_activity WHERE query ILIKE 'LISTEN%%'"
    eventually(lambda: postgres.ask(listening)[0][0] >= 2, within=30)
    ids = postgres.python("-c", ENQUEUE, later, "", "5").split()
    eventually(lambda: {postgres.status_of(run_id) for run_id in ids} == {"completed"}, within=60)
    waits = postgres.ask(
        "SELECT extract(epoch FROM started_at - created_at) FROM background_tasks WHERE id = ANY(%s::uuid[])", ids
    )
    assert min(wait for (wait,) in waits) < 1, waits

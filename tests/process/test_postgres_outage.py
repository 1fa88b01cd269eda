"""Postgres is gone for a minute under workers that are busy: nothing is lost, nothing is done twice."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.own_postgres import OwnPostgres, own_postgres
from tests.servers import Process
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


@pytest.fixture
def postgres() -> Iterator[OwnPostgres]:
    """A server of the test's own."""
    with own_postgres() as server:
        yield server


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

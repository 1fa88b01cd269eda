"""/healthz: does this process live? /readyz: may it be sent requests, and what is away?"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries, Settings

from statusproj import health
from tasks import queues
from tasks.db import database_now
from tasks.models import TaskRun
from tasks.standstill import PATIENCE
from tests.servers import free_port
from tests.tasks.runs import make_run
from tests.workers import WorkerThread


@pytest.fixture
def nothing_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has just been started: it has not looked at the migrations yet."""
    monkeypatch.setattr(health, "_all_migrations_seen", False)


@pytest.fixture
def database_is_away(db: None) -> Iterator[None]:
    """Whatever is asked of the database is refused."""

    def refuse(*args: object) -> None:
        raise OperationalError("connection refused by secret-host")

    with connection.execute_wrapper(refuse):
        yield


def ready(client: Client) -> tuple[int, dict[str, Any]]:
    """Status and body of the answer; what nobody may be told is not in it."""
    answer = client.get("/readyz")
    assert "no-store" in answer["Cache-Control"]
    assert b"secret" not in answer.content
    return answer.status_code, answer.json()


def test_a_process_that_answers_lives_whatever_else_is_away(client: Client, database_is_away: None) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "no-store" in answer["Cache-Control"]


def test_liveness_asks_nothing_of_the_database(
    client: Client, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(owner)
    with django_assert_num_queries(0):
        assert client.get("/healthz").status_code == 200


def test_all_is_well_with_a_worker(client: Client, worker: WorkerThread, nothing_seen: None) -> None:
    ok = dict.fromkeys(("database", "migrations", "layer", "workers", "queues"), "ok")
    assert ready(client) == (
        200,
        {"status": "ready", **ok, "workers_alive": 1, "oldest_pending_seconds": None},
    )


def test_without_a_worker_it_is_degraded_and_says_how_long_the_oldest_run_waits(
    client: Client, engine_tables: None, owner: User, staff: User
) -> None:
    run = make_run(owner)
    TaskRun.objects.filter(pk=run.pk).update(created_at=database_now() - 2 * PATIENCE)
    code, said = ready(client)
    assert (code, said["status"], said["workers"], said["queues"]) == (200, "degraded", "silent", "standing still")
    assert said["workers_alive"] == 0
    assert 40 <= said["oldest_pending_seconds"] < 60
    # Whoever paused a queue wants it to stand still.
    queues.pause("default", by=staff)
    assert ready(client)[1] | {"workers": "ok"} == {
        "status": "degraded", "database": "ok", "migrations": "ok", "layer": "ok", "workers": "ok", "queues": "ok",
        "workers_alive": 0, "oldest_pending_seconds": None,
    }  # fmt: skip


def test_without_redis_it_is_degraded(client: Client, worker: WorkerThread, settings: Settings) -> None:
    settings.REDIS_URL = f"redis://user:secret@127.0.0.1:{free_port()}/0"
    code, said = ready(client)
    assert (code, said["status"], said["layer"]) == (200, "degraded", "away")


def test_without_the_database_it_is_not_ready(client: Client, database_is_away: None) -> None:
    code, said = ready(client)
    assert (code, said["status"], said["database"]) == (503, "not ready", "away")
    assert {said["migrations"], said["workers"], said["queues"]} == {"unknown"}


def test_before_its_migrations_are_applied_it_is_not_ready_and_looks_again(
    client: Client, engine_tables: None, nothing_seen: None
) -> None:
    recorder = MigrationRecorder(connection)
    [newest] = MigrationLoader(connection).graph.leaf_nodes("tasks")
    recorder.record_unapplied(*newest)
    try:
        code, said = ready(client)
        assert (code, said["status"], said["migrations"], said["workers"]) == (503, "not ready", "missing", "unknown")
    finally:
        recorder.record_applied(*newest)
    assert ready(client)[0] == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_load_balancers_ask_by_address_and_over_plain_http(
    engine_tables: None, client: Client, settings: Settings, path: str
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["status.example"]
    assert client.get(path, headers={"host": "10.0.0.7:8000"}).status_code == 200
    assert client.get("/sign-in/", headers={"host": "10.0.0.7:8000"}).status_code == 400

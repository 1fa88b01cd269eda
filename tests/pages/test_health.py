"""/healthz: what is up and what is away."""

import pytest
from django.db import OperationalError, connection
from django.test import Client
from pytest_django.fixtures import Settings

from tests.servers import free_port
from tests.workers import WorkerThread


def test_all_is_well_with_a_worker(client: Client, worker: WorkerThread) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ok", "database": "ok", "layer": "ok", "workers": "ok"},
    )
    assert "no-store" in answer["Cache-Control"]


def test_without_a_worker_it_is_degraded(client: Client, engine_tables: None) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["status"], answer.json()["workers"]) == (200, "degraded", "silent")


def test_without_redis_it_is_degraded(client: Client, worker: WorkerThread, settings: Settings) -> None:
    settings.REDIS_URL = f"redis://user:secret@127.0.0.1:{free_port()}/0"
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["status"], answer.json()["layer"]) == (200, "degraded", "away")
    assert b"secret" not in answer.content


@pytest.mark.django_db
def test_without_the_database_it_is_down(client: Client) -> None:
    def refuse(*args: object) -> None:
        raise OperationalError("connection refused")

    with connection.execute_wrapper(refuse):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["status"], answer.json()["database"]) == (503, "down", "away")


@pytest.mark.django_db
def test_it_answers_load_balancers_that_speak_plain_http(client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz").status_code == 200

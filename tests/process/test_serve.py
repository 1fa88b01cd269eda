"""The one process of `manage.py serve`, treated as production treats processes."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from notifications.models import Notification
from tasks import lifecycle
from tasks.models import TaskRun
from tasks.states import FINAL, Status
from tests.servers import Process, Server
from tests.tasks import functions
from tests.waiting import eventually

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("engine_tables"), pytest.mark.timeout(240)]


def reported(run_id: str) -> TaskRun:
    """The run, once its function has reported."""
    return eventually(
        lambda: TaskRun.objects.filter(pk=run_id, status=Status.RUNNING).exclude(stage="").first(), within=60
    )


def ended(run_id: str, within: float = 60) -> TaskRun:
    """The run, once it has ended; its history is printed for the reader of a failure."""
    run = eventually(lambda: TaskRun.objects.filter(pk=run_id, status__in=FINAL).first(), within=within)
    for event in run.events.all():
        print(event.at, event.data)
    return run


def test_sigterm_puts_the_run_back_and_the_next_start_takes_it_up(started: list[Process]) -> None:
    server = Server(TASKS_GRACE_SECONDS="1")
    started.append(server)
    result = functions.tick.enqueue(2_000)
    reported(result.id)
    stopped_at = time.monotonic()
    server.send(signal.SIGTERM)
    assert server.wait() == 0
    assert time.monotonic() - stopped_at < 1 + 5, "grace period and a little"
    run = TaskRun.objects.get(pk=result.id)
    assert (run.status, run.failed_attempts) == (Status.PENDING, 0)
    assert run.events.filter(data__reason="shutdown").count() == 1

    started.append(Server())
    reported(result.id)


def test_a_request_that_hangs_does_not_keep_the_server_from_leaving(started: list[Process]) -> None:
    server = Server("--no-worker")
    started.append(server)
    with transaction.atomic(), connection.cursor() as cursor, ThreadPoolExecutor() as others:
        cursor.execute("LOCK TABLE auth_user IN ACCESS EXCLUSIVE MODE")
        sign_in = f"{server.url}/sign-in/"
        with httpx2.Client(trust_env=False, timeout=60) as browser:
            browser.get(sign_in)
            form = {"username": "owner", "password": "x", "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
            answer = others.submit(browser.post, sign_in, data=form)
            waiting = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'auth_user'::regclass"
            eventually(lambda: cursor.execute(waiting) or cursor.fetchone() is not None, what="the request waits")
            server.send(signal.SIGTERM)
            assert server.wait(30) == 0
            assert isinstance(answer.exception(), httpx2.TransportError)


def test_after_kill_9_the_next_start_takes_the_run_up_within_15_s_and_notifies_once(
    started: list[Process], owner: User
) -> None:
    server = Server()
    started.append(server)
    result = functions.tick.using(owner=owner, max_attempts=3).enqueue(200)
    reported(result.id)
    server.send(signal.SIGKILL)
    server.wait()
    assert TaskRun.objects.get(pk=result.id).status == Status.RUNNING

    killed_at = time.monotonic()
    started.append(Server())
    eventually(lambda: TaskRun.objects.get(pk=result.id).attempt == 2, within=15)
    assert time.monotonic() - killed_at < 15
    assert ended(result.id).status == Status.COMPLETED
    assert Notification.objects.count() == 1


def test_another_worker_rescues_the_runs_of_one_that_was_killed(started: list[Process]) -> None:
    first = Process("worker")
    started.append(first)
    result = functions.tick.using(max_attempts=2).enqueue(300)
    reported(result.id)
    second = Process("worker")
    started.append(second)
    first.send(signal.SIGKILL)
    killed_at = time.monotonic()
    eventually(lambda: TaskRun.objects.get(pk=result.id).attempt == 2, within=20)
    assert time.monotonic() - killed_at < 15
    assert ended(result.id).status == Status.COMPLETED


def test_a_worker_that_was_frozen_cannot_write_when_it_wakes(started: list[Process]) -> None:
    frozen = Process("worker")
    started.append(frozen)
    result = functions.tick.using(max_attempts=2).enqueue(400)
    reported(result.id)
    frozen.send(signal.SIGSTOP)
    started.append(Process("worker"))
    again = TaskRun.objects.filter(pk=result.id, attempt=2, status=Status.RUNNING)
    eventually(again.exists, within=45)  # it starts, watches for as long as silence counts as death, and looks
    frozen.send(signal.SIGCONT)
    run = ended(result.id)
    assert (run.status, run.attempt) == (Status.COMPLETED, 2)
    assert run.events.filter(data__status__in=sorted(FINAL)).count() == 1


def test_cancel_from_another_process_stops_a_run_within_2_s(started: list[Process], owner: User) -> None:
    started.append(Server())
    result = functions.tick.using(owner=owner).enqueue(5_000)
    asked_at = time.monotonic()
    lifecycle.cancel(reported(result.id), by=owner)
    assert ended(result.id, within=2).status == Status.CANCELLED
    assert time.monotonic() - asked_at < 2


def test_a_taken_port_is_said_and_ends_the_command(started: list[Process]) -> None:
    server = Server()
    started.append(server)
    second = Process("serve", "--port", str(server.port))
    started.append(second)
    assert second.wait() == 1
    assert "is the port taken?" in second.log

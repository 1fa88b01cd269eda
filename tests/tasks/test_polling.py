"""Polling runs with an ETag: 304 for as long as an answer would say the same, and not a moment longer."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tasks import lifecycle
from tasks.models import TaskRun
from tasks.progress import Progress
from tasks.reporting import Report
from tasks.states import Status
from tests.tasks.runs import make_run, make_run_in

pytestmark = pytest.mark.django_db

ROOT = "/api/background-tasks"

type SignIn = Callable[[User], Client]


def poll(client: Client, path: str, etag: str = "") -> Any:
    """Ask as a poller does that holds the answer with `etag`."""
    return client.get(f"{ROOT}/{path}", headers={"If-None-Match": etag} if etag else {})


@pytest.mark.parametrize("path", ["tasks", "tasks?status=pending&limit=1", "tasks?q=add", "summary", "task/{run}"])
def test_nothing_new_is_304_without_a_body(client_of: SignIn, owner: User, path: str) -> None:
    path = path.replace("{run}", str(make_run(owner).pk))
    client = client_of(owner)
    first = poll(client, path)
    assert first.status_code == 200
    for etag in (first.headers["ETag"], f'"other", W/{first.headers["ETag"]}'):
        again = poll(client, path, etag)
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert first.headers["Cache-Control"] == again.headers["Cache-Control"] == "private, no-cache"


def start(run: TaskRun) -> None:
    """A worker takes it."""
    lifecycle.claim(run.pk, run.attempt, worker="host:1:1")


def make_another(run: TaskRun) -> None:
    """Newer than all that are listed."""
    make_run(run.owner)


def end_another(run: TaskRun) -> None:
    """The oldest: on no page of one run, yet counted."""
    lifecycle.cancel(TaskRun.objects.earliest("created_at"))


@pytest.mark.parametrize("change", [lifecycle.cancel, start, TaskRun.delete, make_another, end_another])
@pytest.mark.parametrize("path", ["tasks", "tasks?limit=1", "summary"])
def test_any_change_of_a_listed_run_or_of_the_counts_is_told(
    client_of: SignIn, owner: User, change: Callable[[TaskRun], Any], path: str
) -> None:
    make_run(owner)
    run = make_run(owner)
    client = client_of(owner)
    etag = poll(client, path).headers["ETag"]
    assert poll(client, path, etag).status_code == 304
    change(run)
    told = poll(client, path, etag)
    assert (told.status_code, told.json()["success"]) == (200, True)
    assert poll(client, path, told.headers["ETag"]).status_code == 304


def test_progress_is_told(client_of: SignIn, owner: User) -> None:
    run = make_run_in(Status.RUNNING, owner)
    client = client_of(owner)
    etag = poll(client, "tasks").headers["ETag"]
    with closing(asyncio.new_event_loop()) as loop:
        assert Progress(run, loop)._write(Report(processed=7, total=10))
    told = poll(client, "tasks", etag)
    assert told.json()["tasks"][0]["processed_items"] == 7


def test_each_user_has_their_own(client_of: SignIn, owner: User, stranger: User) -> None:
    # A browser keeps what it holds when somebody else signs in.
    etag = poll(client_of(owner), "tasks").headers["ETag"]
    assert poll(client_of(stranger), "tasks", etag).status_code == 200


def test_who_may_no_longer_cancel_a_run_is_told(client_of: SignIn, owner: User, staff: User) -> None:
    run = make_run(owner)
    client = client_of(staff)
    etags = {path: poll(client, path).headers["ETag"] for path in ("tasks", f"task/{run.pk}")}
    staff.user_permissions.remove(Permission.objects.get(codename="control_taskrun"))
    assert poll(client, "tasks", etags["tasks"]).json()["tasks"][0]["can_cancel"] is False
    assert poll(client, f"task/{run.pk}", etags[f"task/{run.pk}"]).json()["task"]["can_cancel"] is False


def test_another_filter_or_page_is_another_answer(client_of: SignIn, owner: User) -> None:
    make_run(owner)
    client = client_of(owner)
    etag = poll(client, "tasks").headers["ETag"]
    for path in ("tasks?status=pending", "tasks?limit=1", "tasks?topic=news", "tasks?status=failed"):
        assert poll(client, path, etag).status_code == 200, path


def test_a_poll_that_hears_of_nothing_reads_no_run_in_full(client_of: SignIn, owner: User) -> None:
    for _ in range(3):
        make_run(owner)
    client = client_of(owner)
    etag = poll(client, "tasks").headers["ETag"]
    with CaptureQueriesContext(connection) as asked:
        assert poll(client, "tasks", etag).status_code == 304
    assert not [query["sql"] for query in asked if '"result"' in query["sql"] or '"metadata"' in query["sql"]]
    with CaptureQueriesContext(connection) as whole:
        assert len(poll(client, "tasks").json()["tasks"]) == 3
    assert len(whole) == len(asked) + 1

"""Runs in Django's admin."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tasks import lifecycle
from tasks.admin import TaskRunAdmin
from tasks.models import TaskRun
from tasks.states import Status
from tests.tasks.runs import make_run, make_run_in

pytestmark = pytest.mark.usefixtures("db")

type SignIn = Callable[[User], Client]

OF_LIVE_RUNS = re.compile(r""""status" IN \('(pending|running)', '(pending|running)'\)""")
LIST = "/admin/tasks/taskrun/"


def act(client: Client, action: str, *runs: TaskRun) -> None:
    """Choose an action for runs in the list."""
    client.post(LIST, {"action": action, "_selected_action": [str(run.pk) for run in runs]})


def test_staff_see_runs_and_their_events_but_cannot_change_them(client_of: SignIn, owner: User, staff: User) -> None:
    run = make_run_in(Status.FAILED, owner, name="Nightly import")
    client = client_of(staff)
    assert "Nightly import" in client.get(LIST).content.decode()
    page = client.get(f"{LIST}{run.pk}/change/").content.decode()
    assert "no luck" in page
    assert 'name="_save"' not in page
    assert client.get(f"{LIST}add/").status_code == 403
    assert client.get(f"{LIST}{run.pk}/delete/").status_code == 403


def test_staff_who_may_control_runs_cancel_and_retry_them(client_of: SignIn, owner: User, staff: User) -> None:
    waiting, done, failed = make_run(owner), make_run_in(Status.COMPLETED, owner), make_run_in(Status.FAILED, owner)
    client = client_of(staff)
    act(client, "cancel_runs", waiting, done)
    waiting.refresh_from_db()
    done.refresh_from_db()
    assert (waiting.status, done.status) == (Status.CANCELLED, Status.COMPLETED)
    act(client, "retry_runs", failed)
    assert TaskRun.objects.filter(retry_of=failed).exists()


def test_staff_who_may_only_look_cannot_act(client_of: SignIn, owner: User) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_taskrun"))
    run = make_run(owner)
    act(client_of(viewer), "cancel_runs", run)
    run.refresh_from_db()
    assert run.status == Status.PENDING


def test_runs_are_found_by_words_id_and_owner(client_of: SignIn, owner: User, staff: User) -> None:
    run = make_run(owner, name="Nightly import", kwargs={"city": "Bremen"})
    make_run(staff, name="Export")
    client = client_of(staff)
    for text in ("bremen night", str(run.pk), "owner"):
        answer = client.get(LIST, {"q": text}).content.decode()
        assert "Nightly import" in answer and "Export" not in answer, text
    assert "Nightly import" not in client.get(LIST, {"q": "bremen", "status__exact": "failed"}).content.decode()
    assert "Nightly import" in client.get(LIST, {"q": "bremen", "queue": "default"}).content.decode()


def test_no_look_at_the_list_counts_or_looks_through_every_run(
    client_of: SignIn, owner: User, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifications.large_tables.BoundedPaginator.bound", 3)
    for name in ("list_per_page", "list_max_show_all"):
        monkeypatch.setattr(TaskRunAdmin, name, 2)
    for _ in range(5):
        make_run(owner)
    client = client_of(staff)
    for query in ({}, {"q": "add"}, {"status__exact": "pending"}, {"created_at__gte": "2020-01-01 00:00Z"}, {"o": "6"}):
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(LIST, query)
        assert answer.status_code == 200
        of_runs = [entry["sql"] for entry in queries if 'FROM "background_tasks"' in entry["sql"]]
        assert of_runs
        # What looks at live runs alone is bounded by them.
        for sql in (each for each in of_runs if not OF_LIVE_RUNS.search(each)):
            bounds = ("LIMIT", "GROUP BY", '"id" IN')
            assert any(bound in sql for bound in bounds), sql
            assert "DISTINCT" not in sql and "MIN(" not in sql, sql
    assert "3 task runs" in client.get(LIST).content.decode()


def test_no_secret_is_shown_in_the_admin(client_of: SignIn, owner: User, staff: User) -> None:
    secrets = {"smtp_password": "hunter2", "url": "https://me:hunter2@host/", "page": 1234}
    run = make_run_in(Status.RUNNING, owner, kwargs=secrets, args=[], metadata=secrets)
    lifecycle.complete(run, secrets)
    page = client_of(staff).get(f"{LIST}{run.pk}/change/").content.decode()
    assert page.count("1234") == 3
    assert "hunter2" not in page


def test_more_runs_than_one_request_can_take_are_refused(
    client_of: SignIn, owner: User, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.admin.MOST_AT_ONCE", 2)
    runs = [make_run(owner) for _ in range(3)]
    act(client_of(staff), "cancel_runs", *runs)
    assert not TaskRun.objects.exclude(status=Status.PENDING).exists()
    act(client_of(staff), "cancel_runs", *runs[:2])
    assert TaskRun.objects.filter(status=Status.CANCELLED).count() == 2


def test_the_engines_own_admin_is_not_there(client_of: SignIn, staff: User) -> None:
    staff.is_superuser = True
    staff.save()
    page = client_of(staff).get(reverse("admin:index")).content.decode()
    assert "Task runs" in page
    assert "rocrastinate" not in page

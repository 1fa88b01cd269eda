"""Runs in Django's admin."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from tasks.models import TaskRun
from tasks.states import Status
from tests.tasks.runs import make_run, make_run_in

pytestmark = pytest.mark.usefixtures("db")

type SignIn = Callable[[User], Client]

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


def test_the_engines_own_admin_is_not_there(client_of: SignIn, staff: User) -> None:
    staff.is_superuser = True
    staff.save()
    page = client_of(staff).get(reverse("admin:index")).content.decode()
    assert "Task runs" in page
    assert "rocrastinate" not in page

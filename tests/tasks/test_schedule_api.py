"""`/api/background-tasks/schedules`: the rules of the pages, over HTTP."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from tasks.models import Schedule, TaskRun
from tests.tasks.runs import ADD

type ClientOf = Callable[[User], Client]

API = "/api/background-tasks/schedules"
NEW: dict[str, Any] = {"name": "Hourly", "task": ADD, "kwargs": {"a": 1, "b": 2}, "interval_seconds": 3600}


@pytest.fixture(autouse=True)
def schedulable(settings: Settings) -> None:
    """What may be scheduled in these tests."""
    settings.TASKS_SCHEDULABLE = {ADD: ""}


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    """The response to a JSON request."""
    return client.generic(method, path, "" if body is None else json.dumps(body), "application/json")


def test_a_schedule_is_made_changed_switched_started_and_deleted(staff: User, owner: User, client_of: ClientOf) -> None:
    client = client_of(staff)
    made = send(client, "POST", API, {**NEW, "owner": "owner"})
    assert made.status_code == 201
    one = made.json()["schedule"]
    assert (one["owner"], one["interval_seconds"], one["enabled"], one["next_run_at"][-1]) == ("owner", 3600, True, "Z")
    path = f"{API}/{one['id']}"
    changed = send(client, "PATCH", path, {"cron": "0 6 * * *", "zone": "Europe/Berlin"}).json()["schedule"]
    assert (changed["cron"], changed["interval_seconds"], changed["name"]) == ("0 6 * * *", None, "Hourly")
    changed = send(client, "PATCH", path, {"interval_seconds": 60}).json()["schedule"]
    assert (changed["cron"], changed["interval_seconds"]) == ("", 60)
    assert send(client, "POST", f"{path}/disable").json()["schedule"]["next_run_at"] is None
    assert send(client, "POST", f"{path}/enable").json()["schedule"]["enabled"]
    started = send(client, "POST", f"{path}/run")
    assert started.status_code == 202
    assert str(TaskRun.objects.get(owner=owner).pk) == started.json()["task_id"]
    busy = send(client, "POST", f"{path}/run")
    assert (busy.status_code, busy.json()["error"]["details"]) == (409, {"task_id": started.json()["task_id"]})
    assert client.get(API).json()["schedules"][0]["last_task_id"] == started.json()["task_id"]
    assert send(client, "DELETE", path).status_code == 200
    assert client.get(API).json()["schedules"] == []


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("name", {"name": "\x00"}),
        ("task", {"task": "os.system"}),
        ("kwargs", {"kwargs": {"a": 1}}),
        ("interval_seconds", {"interval_seconds": 1}),
        ("interval_seconds", {"interval_seconds": -1}),
        ("cron", {"cron": "* * * * *", "interval_seconds": 60}),
        ("zone", {"zone": "Mars\x00"}),
        ("owner", {"owner": "nobody"}),
    ],
)
def test_what_cannot_be_used_names_its_field(
    staff: User, client_of: ClientOf, field: str, changes: dict[str, Any]
) -> None:
    response = send(client_of(staff), "POST", API, {**NEW, **changes})
    assert response.status_code == 422
    assert response.json()["error"]["details"][0]["field"] == field
    assert not Schedule.objects.exists()


def test_owners_switch_and_start_their_own_and_change_nothing_else(
    staff: User, owner: User, client_of: ClientOf
) -> None:
    path = f"{API}/{send(client_of(staff), 'POST', API, {**NEW, 'owner': 'owner'}).json()['schedule']['id']}"
    client = client_of(owner)
    assert send(client, "POST", f"{path}/disable").json()["schedule"]["enabled"] is False
    assert send(client, "POST", f"{path}/enable").json()["schedule"]["enabled"] is True
    assert send(client, "POST", f"{path}/run").status_code == 202
    assert TaskRun.objects.get().owner == owner
    for method in ("PATCH", "DELETE"):
        assert send(client, method, path, {"name": "Mine"}).status_code == 403
    assert Schedule.objects.get().name == "Hourly"


def test_strangers_find_nothing_and_only_staff_make_one(
    staff: User, owner: User, stranger: User, client_of: ClientOf
) -> None:
    key = send(client_of(staff), "POST", API, {**NEW, "owner": "owner"}).json()["schedule"]["id"]
    assert len(client_of(owner).get(API).json()["schedules"]) == 1
    assert client_of(stranger).get(API).json()["schedules"] == []
    writes = [("PATCH", ""), ("DELETE", ""), ("POST", "/enable"), ("POST", "/disable"), ("POST", "/run")]
    for user in (owner, stranger):
        assert send(client_of(user), "POST", API, NEW).status_code == 403
    for method, verb in writes:
        assert send(client_of(stranger), method, f"{API}/{key}{verb}", {}).status_code == 404, (method, verb)
    assert not TaskRun.objects.exists()
    assert Schedule.objects.get().enabled

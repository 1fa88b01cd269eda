"""What a newer version has written into the tables is read by this one as far as it is understood."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from notifications import facade
from tasks.models import TaskEvent, TaskRun
from tasks.replay import frames_since
from tasks.states import Status
from tests.tasks.runs import make_run_in

KINDS = [
    ("tomorrow", {"what": "ever"}),
    ("tomorrow", {}),
    ("state", {"status": "postponed", "until": "noon"}),
    ("state", {}),
    ("batch", {"batch_completed": 1, "total_batches": 2, "results": [{"item": 1}], "mood": "cheerful"}),
    ("batch", {}),
    ("log", {"level": "shout", "message": "hello", "colour": "red"}),
    ("log", {}),
]


@pytest.fixture
def run(owner: User) -> TaskRun:
    """A run of a task that only newer code has, with a history that only newer code writes."""
    made = make_run_in(
        Status.RUNNING, owner, task="tasks_of_tomorrow.jobs.fly", metadata={"wings": 2, "traceparent": "00-not-ours"}
    )
    for seq, (kind, data) in enumerate(KINDS, start=made.seq + 1):
        TaskEvent.objects.create(run=made, seq=seq, at=timezone.now(), kind=kind, data=data)
    TaskRun.objects.filter(pk=made.pk).update(seq=made.seq + len(KINDS))
    made.refresh_from_db()
    return made


def test_pages_and_api_show_a_run_of_a_newer_version(
    run: TaskRun, owner: User, client_of: Callable[[User], Client]
) -> None:
    client = client_of(owner)
    for path in ("/tasks/", f"/tasks/{run.pk}/", f"/tasks/{run.pk}/?level=info", "/api/background-tasks/tasks"):
        assert client.get(path).status_code == 200, path
    told = client.get(f"/api/background-tasks/task/{run.pk}/events").json()["events"]
    assert [event["kind"] for event in told][-len(KINDS) :] == [kind for kind, _ in KINDS]
    assert client.get(f"/api/background-tasks/task/{run.pk}").json()["task"]["status"] == "running"


def test_a_replay_leaves_out_kinds_of_events_that_are_not_known_here(run: TaskRun) -> None:
    replayed = frames_since(str(run.pk), 2)
    assert [frame["status"] for frame in replayed] == [
        *("progress", "progress", "batch_update", "batch_update", "log", "log"),
    ]
    assert replayed[-1]["seq"] == run.seq
    assert all("level" in frame and "message" in frame for frame in replayed if frame["status"] == "log")


def test_a_notification_of_a_type_of_tomorrow_is_listed(owner: User, client_of: Callable[[User], Client]) -> None:
    facade.create_notification(username="owner", type="weather_report", title="Sun", message="All day")
    client = client_of(owner)
    assert client.get("/notifications/").status_code == 200
    [listed] = client.get("/api/notifications").json()["notifications"]
    assert listed["type"] == "weather_report"

"""Many runs enqueued at once are what they would be one by one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.tasks.exceptions import InvalidTask
from django.tasks.signals import task_enqueued

from live.groups import Group
from tasks import manager, updates
from tasks.groups import owner_group
from tasks.models import RunCount, TaskRun
from tasks.states import Status
from tests.tasks.functions import add
from tests.waiting import eventually
from tests.workers import WorkerThread

pytestmark = pytest.mark.usefixtures("db")

# What is not the same for two runs of the same call.
OWN = {"id", "ticket", "created_at"}


def values_of(run: TaskRun) -> dict[str, Any]:
    """What two runs that were enqueued alike have in common."""
    return {
        field.attname: getattr(run, field.attname)
        for field in TaskRun._meta.concrete_fields
        if field.attname not in OWN
    }


def job_of(run: TaskRun) -> dict[str, Any]:
    """Its ticket, in the engine."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT queue_name, task_name, priority, lock, queueing_lock, scheduled_at, status, args"
            " FROM procrastinate_jobs WHERE id = %s",
            [run.ticket],
        )
        found = dict(zip([column.name for column in cursor.description], cursor.fetchone(), strict=True))
    assert str(run.pk) in str(found["args"])
    return {**found, "args": None}


def test_a_run_of_a_batch_is_stored_as_one_by_itself(owner: User) -> None:
    task = add.using(priority=5, timeout=timedelta(minutes=2), max_attempts=3)
    common: dict[str, Any] = {"owner": owner, "name": "Sum\x00", "topic": "sums", "metadata": {"why": "a test"}}
    alone = TaskRun.objects.get(pk=manager.create_task(task, a=1, b=2, **common))
    [one] = TaskRun.objects.filter(pk__in=manager.create_tasks(task, [{"a": 1, "b": 2}], **common))
    assert values_of(one) == values_of(alone)
    assert job_of(one) == job_of(alone)
    events = ("seq", "kind", "data")
    assert list(one.events.values(*events)) == list(alone.events.values(*events))
    assert RunCount.objects.filter(owner=owner).summary()["pending"] == 2


def test_a_batch_keeps_its_order(owner: User) -> None:
    ids = manager.create_tasks(add, ({"a": number, "b": 1} for number in range(2_500)), owner=owner)
    line = list(TaskRun.objects.in_line())
    assert [run.pk for run in line] == ids
    assert [run.kwargs["a"] for run in line] == list(range(2_500))
    assert len({run.ticket for run in line}) == 2_500


def test_a_batch_is_executed(worker: WorkerThread, owner: User) -> None:
    ids = manager.create_tasks(add, [{"a": number, "b": 1} for number in range(5)], owner=owner)
    runs = TaskRun.objects.filter(pk__in=ids)
    eventually(lambda: runs.filter(status=Status.COMPLETED).count() == 5, what="all are done")
    assert [TaskRun.objects.get(pk=run_id).result for run_id in ids] == [1, 2, 3, 4, 5]


def test_each_run_of_a_batch_is_told_of(
    owner: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    told: list[tuple[list[Group], str]] = []
    monkeypatch.setattr(
        updates, "publish_on_commit", lambda groups, frame: told.append((list(groups), frame["job_id"]))
    )
    signalled: list[str] = []

    def note(task_result: Any, **_: Any) -> None:
        signalled.append(task_result.id)

    task_enqueued.connect(note)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            ids = manager.create_tasks(add, [{"a": 1, "b": 2}, {"a": 3, "b": 4}], owner=owner)
    finally:
        task_enqueued.disconnect(note)
    assert [job_id for _, job_id in told] == [str(run_id) for run_id in ids] == signalled
    assert all(owner_group(owner.pk) in groups for groups, _ in told)


def test_a_transaction_that_is_rolled_back_leaves_no_run_of_the_batch(owner: User) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        manager.create_tasks(add, [{"a": 1, "b": 2}] * 3, owner=owner)
        raise ZeroDivisionError
    assert not TaskRun.objects.exists()


def test_arguments_that_json_cannot_say_make_nothing_of_their_thousand(owner: User) -> None:
    with pytest.raises(TypeError):
        manager.create_tasks(add, [{"a": 1, "b": 2}, {"a": object(), "b": 2}], owner=owner)
    assert not TaskRun.objects.exists()


def test_a_unique_task_is_not_enqueued_in_batches() -> None:
    with pytest.raises(InvalidTask, match="one run at a time"):
        manager.create_tasks(add.using(unique="once"), [{"a": 1, "b": 2}])


def test_a_batch_of_nothing_is_nothing() -> None:
    assert manager.create_tasks(add, []) == []
    assert not TaskRun.objects.filter(status=Status.PENDING).exists()

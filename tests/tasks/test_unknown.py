"""A worker that does not know a task, because its code is older, leaves its runs to one that does."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.tasks import task
from pytest_django.fixtures import Settings

from notifications.models import Notification
from tasks import sentences, unknown
from tasks.models import TaskEvent, TaskRun
from tasks.states import FINAL, Status
from tests.tasks import functions
from tests.tasks.runs import make_run
from tests.waiting import eventually
from tests.workers import WorkerThread

PATH = "tests.tasks.functions.comes_later"


@pytest.fixture
def newer(engine_tables: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """`comes_later` is not there yet; what the process learns of it is forgotten afterwards."""
    yield monkeypatch
    unknown._known.discard(PATH)


def comes_later(a: int, b: int) -> int:
    """What only newer code has."""
    return a + b


def waits_for_a_worker_that_knows_it(run: TaskRun) -> bool:
    run.refresh_from_db()
    return run.message == sentences.UNKNOWN_TASK


def test_it_waits_untouched_meanwhile_others_run_and_a_worker_that_knows_it_takes_it(
    newer: pytest.MonkeyPatch, owner: User
) -> None:
    newer.setattr(unknown, "LOOK_AGAIN", 1000.0)
    old = WorkerThread().start()
    run = make_run(owner, task=PATH, name="Later")
    eventually(lambda: waits_for_a_worker_that_knows_it(run), what="it is said why the run waits")
    later = functions.add.enqueue(3, 4)
    eventually(lambda: TaskRun.objects.filter(pk=later.id, status=Status.COMPLETED).exists(), what="others go on")
    run.refresh_from_db()
    assert (run.status, run.attempt, run.failed_attempts, run.worker_ids) == (Status.PENDING, 1, 0, [])
    with connection.cursor() as cursor:
        cursor.execute("SELECT status FROM procrastinate_jobs WHERE id = %s", [run.ticket])
        assert cursor.fetchone() == ("todo",)

    made = task(comes_later)
    newer.setattr(functions, "comes_later", made, raising=False)
    new = WorkerThread().start()
    run = eventually(lambda: TaskRun.objects.filter(pk=run.pk, status__in=FINAL).first(), what="the run ends")
    for worker in (old, new):
        worker.stop()
    assert (run.status, run.result, run.attempt, len(run.worker_ids)) == (Status.COMPLETED, 3, 1, 1)
    assert run.message == ""
    told = TaskEvent.objects.filter(run=run).order_by("seq").values_list("data__status", flat=True)
    assert list(told) == ["pending", "running", "completed"]
    assert Notification.objects.filter(user=owner).count() == 1


def test_what_nobody_knows_for_longer_than_a_deploy_takes_fails_with_that_reason(
    newer: pytest.MonkeyPatch, settings: Settings, owner: User
) -> None:
    settings.TASKS_UNKNOWN_SECONDS = 0.3
    worker = WorkerThread().start()
    runs = [make_run(owner, task=PATH) for _ in range(3)]
    ids = [run.pk for run in runs]
    eventually(lambda: TaskRun.objects.filter(pk__in=ids, status__in=FINAL).count() == 3, what="all have failed")
    worker.stop()
    for run in TaskRun.objects.filter(pk__in=ids):
        assert (run.status, run.attempt) == (Status.FAILED, 1)
        assert "comes_later" in run.error
    assert Notification.objects.filter(user=owner).count() == 3

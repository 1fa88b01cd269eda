"""Our backend behaves as Django documents for backends."""

import logging
import pickle
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.dispatch import receiver
from django.tasks import TaskResultStatus, default_task_backend
from django.tasks.base import Task
from django.tasks.exceptions import InvalidTask, TaskResultDoesNotExist, TaskResultMismatch
from django.tasks.signals import task_enqueued, task_finished, task_started
from django.utils import timezone

from tasks import manager
from tasks.models import TaskRun
from tests.tasks import functions
from tests.tasks.test_execution import ended
from tests.waiting import eventually
from tests.workers import WorkerThread


def test_enqueue_stores_a_ready_result(engine_tables: None) -> None:
    result = functions.add.enqueue(1, b=2)
    assert result.status == TaskResultStatus.READY
    assert (result.args, result.kwargs, result.attempts, result.errors) == ([1], {"b": 2}, 0, [])
    assert result.enqueued_at is not None
    assert functions.add.get_result(result.id) == result
    with pytest.raises(ValueError, match="not finished"):
        _ = result.return_value


async def test_the_async_methods_do_the_same(engine_tables: None) -> None:
    result = await functions.add.aenqueue(1, 2)
    assert await functions.add.aget_result(result.id) == result
    await result.arefresh()
    assert result.status == TaskResultStatus.READY


def test_a_finished_result_has_value_times_and_workers(worker: WorkerThread) -> None:
    result = functions.add.enqueue(1, 2)
    ended(result)
    result.refresh()
    assert (result.status, result.return_value, result.is_finished, result.attempts) == (
        TaskResultStatus.SUCCESSFUL,
        3,
        True,
        1,
    )
    assert result.started_at and result.finished_at and result.started_at <= result.finished_at
    assert result.worker_ids == [worker.worker.name]


def test_a_failed_result_has_its_error_with_class_and_traceback(worker: WorkerThread) -> None:
    result = functions.raise_secretly.enqueue()
    ended(result)
    result.refresh()
    assert result.status == TaskResultStatus.FAILED
    assert result.errors[0].exception_class is ValueError
    assert "raise_secretly" in result.errors[0].traceback


def test_each_failed_attempt_leaves_its_error(worker: WorkerThread) -> None:
    result = functions.fail_twice.enqueue("errors of each attempt")
    ended(result)
    result.refresh()
    assert [error.exception_class for error in result.errors] == [ConnectionError, ConnectionError]
    assert result.attempts == 3


def test_unknown_and_foreign_results_are_told_apart(engine_tables: None) -> None:
    with pytest.raises(TaskResultDoesNotExist):
        functions.add.get_result("no such id")
    with pytest.raises(TaskResultDoesNotExist):
        default_task_backend.get_result("00000000-0000-0000-0000-000000000000")
    with pytest.raises(TaskResultMismatch):
        functions.add_async.get_result(functions.add.enqueue(1, 2).id)


def test_a_run_waits_for_its_time(worker: WorkerThread) -> None:
    later = functions.note.using(run_after=timezone.now() + timedelta(hours=1)).enqueue("later")
    soon = functions.note.using(run_after=timezone.now() + timedelta(milliseconds=50)).enqueue("soon")
    ended(soon)
    assert TaskRun.objects.get(pk=later.id).status == "pending"


@pytest.mark.parametrize(
    "changes",
    [
        {"priority": 101},
        {"queue_name": "nobody's"},
        {"max_attempts": 0},
        {"timeout": timedelta()},
        {"run_after": timezone.now().replace(tzinfo=None)},
        {"topic": "x" * 201},
    ],
)
def test_what_could_not_run_is_refused_when_it_is_said(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidTask):
        functions.add.using(**changes)


def test_arguments_that_json_cannot_say_are_refused(engine_tables: None) -> None:
    with pytest.raises(TypeError):
        functions.return_this.enqueue(object())
    assert not TaskRun.objects.exists()


def test_arguments_come_back_as_json_has_them(engine_tables: None) -> None:
    result = functions.return_this.enqueue((1, 2))
    assert result.args == [[1, 2]]


def test_a_task_survives_pickling() -> None:
    chosen: Task = functions.add.using(topic="t", timeout=timedelta(seconds=3))
    assert pickle.loads(pickle.dumps(chosen)) == chosen


def test_the_whole_backend_passes_its_own_check() -> None:
    assert list(default_task_backend.check()) == []


def test_signals_tell_the_life_of_a_run_and_a_failing_receiver_harms_nothing(worker: WorkerThread) -> None:
    heard: list[str] = []

    @receiver([task_enqueued, task_started, task_finished])
    def listen(sender: Any, task_result: Any, signal: Any, **kwargs: Any) -> None:
        names = {task_enqueued: "enqueued", task_started: "started", task_finished: "finished"}
        heard.append(names[signal])
        raise RuntimeError("a receiver with a bug")

    result = functions.add.enqueue(1, 2)
    assert ended(result).status == "completed"
    eventually(lambda: "finished" in heard)
    assert heard == ["enqueued", "started", "finished"]


def test_a_cancelled_run_is_no_error_in_the_log_and_a_failed_one_is(
    worker: WorkerThread, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="django.tasks")
    cancelled = functions.wait_for_gate.enqueue("never opened")
    eventually(lambda: TaskRun.objects.filter(pk=cancelled.id, processed_items=1))
    manager.cancel_task(cancelled.id)
    assert ended(cancelled).status == "cancelled"
    failed = functions.raise_secretly.enqueue()
    assert ended(failed).status == "failed"

    def levels(result: Any) -> list[str]:
        return [record.levelname for record in caplog.records if f"id={result.id}" in record.getMessage()]

    eventually(lambda: len(levels(failed)) == 2, what="its beginning and its end are logged")
    assert levels(failed) == ["INFO", "ERROR"]
    assert levels(cancelled) == ["INFO", "INFO"]


def test_nothing_is_enqueued_by_a_transaction_that_rolls_back(worker: WorkerThread) -> None:
    functions.SEEN.clear()
    with transaction.atomic():
        functions.note.enqueue("rolled back")
        transaction.set_rollback(True)
    ended(functions.note.enqueue("kept"))
    assert functions.SEEN == ["kept"]


def test_the_seeds_manager_functions_work_together(worker: WorkerThread, owner: User, stranger: User) -> None:
    task_id = manager.create_task(functions.add, 1, b=2, owner=owner, name="Sum", metadata={"source": "test"})
    assert manager.run_task(task_id).pk == task_id
    eventually(lambda: (manager.get_task_status(task_id) or {})["status"] == "completed")
    status = manager.get_task_status(task_id, viewer=owner)
    assert status is not None
    assert (status["name"], status["result"], status["metadata"]) == ("Sum", 3, {"source": "test"})
    assert manager.get_task_status(task_id, viewer=stranger) is None
    assert [task["id"] for task in manager.list_tasks(viewer=owner, status="completed")] == [str(task_id)]
    assert manager.get_task_summary(viewer=owner)["completed"] == 1
    assert manager.get_task_summary(viewer=stranger)["total"] == 0
    assert manager.cleanup_old_tasks(24) == 0
    assert manager.cleanup_old_tasks(0) == 1
    with pytest.raises(ValueError, match="zero or more"):
        manager.cleanup_old_tasks(-1)

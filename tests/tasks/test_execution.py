"""What a worker does with a run, seen from outside: rows, events, notifications."""

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection

from notifications.models import Notification
from tasks import lifecycle
from tasks.models import TaskEvent, TaskRun
from tasks.states import FINAL, Status
from tests.tasks import functions
from tests.waiting import eventually
from tests.workers import WorkerThread


def ended(result: object) -> TaskRun:
    """The run of a TaskResult, once it has ended."""
    return eventually(lambda: TaskRun.objects.filter(pk=result.id, status__in=FINAL).first(), what="the run ends")


def running(result: object) -> TaskRun:
    """The run of a TaskResult, once its function is under way."""
    return eventually(
        lambda: TaskRun.objects.filter(pk=result.id, status=Status.RUNNING).exclude(stage="").first(),
        what="the run reports",
    )


@pytest.mark.parametrize("function", [functions.add, functions.add_async])
def test_sync_and_async_functions_run_the_same(worker: WorkerThread, function: object) -> None:
    run = ended(function.enqueue(2, b=3))
    assert (run.status, run.result, run.progress) == (Status.COMPLETED, 5, 100)
    assert run.worker_ids == [worker.worker.name]


def test_an_exception_fails_the_run_and_its_secrets_are_masked(worker: WorkerThread, owner: User) -> None:
    run = ended(functions.raise_secretly.using(owner=owner).enqueue())
    assert run.status == Status.FAILED
    assert run.error == "ValueError: cannot reach postgres://***@db/prod"
    assert "raise_secretly" in run.traceback
    assert "hunter2" not in run.traceback + run.error
    assert Notification.objects.get().type == "task_failed"


def test_failed_attempts_are_retried_until_one_succeeds(worker: WorkerThread) -> None:
    run = ended(functions.fail_twice.enqueue("fail_twice"))
    assert (run.status, run.result, run.failed_attempts, run.attempt) == (
        Status.COMPLETED,
        "third time lucky",
        2,
        3,
    )


def test_what_json_cannot_say_fails_the_run_with_a_reason(worker: WorkerThread) -> None:
    run = ended(functions.return_nothing_json_knows.enqueue())
    assert run.status == Status.FAILED
    assert "JSON" in run.error


def test_nul_bytes_in_a_result_are_dropped_rather_than_refused(worker: WorkerThread) -> None:
    assert ended(functions.return_this.enqueue("a")).result == "a"
    assert ended(functions.return_this.enqueue({"k": ["x\x00y"]})).result == {"k": ["xy"]}


def test_a_result_of_many_megabytes_completes_without_keeping_it(worker: WorkerThread) -> None:
    run = ended(functions.return_this.enqueue("x" * 3_000_000))
    assert (run.status, run.result) == (Status.COMPLETED, None)
    assert "not kept" in run.message


def test_progress_is_never_absurd(worker: WorkerThread) -> None:
    run = ended(functions.misreport.enqueue())
    assert (run.processed_items, run.total_items, run.progress, run.message) == (100, 100, 100, "ab")


def test_tracked_items_are_counted(worker: WorkerThread) -> None:
    run = ended(functions.count_to.enqueue(1000))
    assert (run.processed_items, run.total_items, run.stage) == (1000, 1000, "counting")
    assert run.result == {"counted": 1000}


@pytest.mark.parametrize("function", [functions.sleep_for_ever, functions.spin_for_ever])
def test_a_timeout_fails_the_run_and_notifies(worker: WorkerThread, owner: User, function: object) -> None:
    run = ended(function.using(owner=owner).enqueue())
    assert (run.status, run.error) == (Status.FAILED, "Timed out after 0.2 s.")
    assert Notification.objects.filter(user=owner).count() == 1


@pytest.mark.parametrize("function", [functions.wait_for_gate, functions.wait_for_gate_in_thread])
def test_cancel_stops_a_running_function(worker: WorkerThread, owner: User, function: object) -> None:
    result = function.using(owner=owner).enqueue("never opened")
    asked = lifecycle.cancel(running(result), by=owner)
    assert asked.is_cancelling
    run = ended(result)
    assert run.status == Status.CANCELLED
    assert not Notification.objects.exists()
    assert lifecycle.cancel(run, by=owner).status == Status.CANCELLED  # asking twice is fine


def test_no_more_than_three_run_at_once_and_the_rest_wait_in_order(worker: WorkerThread) -> None:
    functions.gate("three").clear()
    results = [functions.wait_for_gate.using(title=str(n)).enqueue("three") for n in range(20)]
    eventually(lambda: TaskRun.objects.filter(status=Status.RUNNING).count() == 3)
    most, done = [3], threading.Event()

    def watch() -> None:
        while not done.is_set():
            most.append(TaskRun.objects.filter(status=Status.RUNNING).count())
        from django.db import connections

        connections.close_all()

    watcher = threading.Thread(target=watch)
    watcher.start()
    functions.gate("three").set()
    runs = [ended(result) for result in results]
    done.set()
    watcher.join()
    assert {run.status for run in runs} == {Status.COMPLETED}
    assert max(most) == 3
    started = sorted(runs, key=lambda run: run.started_at)
    # Three slots fetch one after the other; neighbours may start within the same instant.
    for place, run in enumerate(started):
        assert abs(int(run.name) - place) <= 2


def test_a_higher_priority_goes_first(engine_tables: None) -> None:
    first = functions.note.enqueue("ordinary")
    functions.note.using(priority=50).enqueue("urgent")
    functions.SEEN.clear()
    worker = WorkerThread(concurrency=1).start()
    ended(first)
    worker.stop()
    assert functions.SEEN == ["urgent", "ordinary"]


def test_every_batch_is_kept_in_order(worker: WorkerThread) -> None:
    run = ended(functions.batches.enqueue(30))
    events = list(run.events.exclude(kind=TaskEvent.Kind.STATE))
    assert [event.data.get("batch_completed") for event in events] == [*range(1, 31), None]
    assert events[-1].data == {"level": "info", "message": "all batches sent"}
    assert [event.seq for event in run.events.all()] == sorted({event.seq for event in run.events.all()})


def test_a_stopping_worker_puts_its_run_back_without_using_up_an_attempt(engine_tables: None) -> None:
    worker = WorkerThread(grace=timedelta()).start()
    result = functions.wait_for_gate.enqueue("shutdown")
    running(result)
    worker.stop()
    run = TaskRun.objects.get(pk=result.id)
    assert (run.status, run.attempt, run.failed_attempts) == (Status.PENDING, 2, 0)
    functions.gate("shutdown").set()
    successor = WorkerThread().start()
    assert ended(result).status == Status.COMPLETED
    successor.stop()


def test_a_late_callback_of_an_ended_function_changes_nothing(worker: WorkerThread) -> None:
    functions.gate("late callback").clear()
    run = ended(functions.leave_a_thread_behind.enqueue("late callback"))
    before = (run.seq, run.processed_items, run.status)
    functions.gate("late callback").set()
    eventually(lambda: "late callback reported" in functions.SEEN)
    ended(functions.add.enqueue(1, 2))  # the worker has gone on meanwhile
    run.refresh_from_db()
    assert (run.seq, run.processed_items, run.status) == before


def test_as_many_sync_functions_run_at_once_as_the_worker_has_places(engine_tables: None) -> None:
    worker = WorkerThread(concurrency=12).start()
    functions.gate("twelve").clear()
    results = [functions.wait_for_gate_in_thread.enqueue("twelve") for _ in range(12)]
    eventually(lambda: TaskRun.objects.filter(status=Status.RUNNING, stage="waiting").count() == 12)
    functions.gate("twelve").set()
    assert {ended(result).status for result in results} == {Status.COMPLETED}
    worker.stop()


def test_no_ticket_outlives_its_run(worker: WorkerThread) -> None:
    for result in [functions.add.enqueue(1, 2), functions.raise_secretly.enqueue(), functions.tick.enqueue(1)]:
        ended(result)

    def tickets_left() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'tasks.execute'")
            return int(cursor.fetchone()[0])

    eventually(lambda: tickets_left() == 0)


def test_a_sync_function_that_never_reports_is_left_behind_when_its_time_is_up(worker: WorkerThread) -> None:
    functions.gate("deaf").clear()
    run = ended(functions.be_deaf.enqueue("deaf"))
    assert (run.status, run.error) == (Status.FAILED, "Timed out after 0.2 s.")
    functions.gate("deaf").set()
    assert ended(functions.add.enqueue(1, 2)).result == 3

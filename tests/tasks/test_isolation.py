"""`isolate=True`: a function in a process of its own, which says everything it could say at home, and can be killed."""

import os
import time
from dataclasses import replace
from datetime import timedelta

import psutil
import pytest
from django.contrib.auth.models import User
from django.tasks.exceptions import InvalidTask

from notifications.models import Notification
from tasks import lifecycle
from tasks.models import TaskEvent, TaskRun
from tasks.states import FINAL, Status
from tests.tasks import working_functions as functions
from tests.tasks.functions import add_async
from tests.waiting import eventually
from tests.workers import WorkerThread


def ended(result: object, within: float = 20) -> TaskRun:
    """The run of a TaskResult, once it has ended."""
    return eventually(lambda: TaskRun.objects.filter(pk=result.id, status__in=FINAL).first(), within=within)


def reported(result: object) -> TaskRun:
    """The run, once its function has reported."""
    return eventually(
        lambda: TaskRun.objects.filter(pk=result.id, status=Status.RUNNING).exclude(stage="").first(), within=20
    )


def lines_of(run: TaskRun) -> list[str]:
    """Its log."""
    return [event.data["message"] for event in run.events.filter(kind=TaskEvent.Kind.LOG)]


def gone(pid: int) -> bool:
    """Is there no such process any more?"""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_progress_batches_logs_items_checkpoint_database_and_result_work_from_a_child(
    worker: WorkerThread, owner: User
) -> None:
    run = ended(functions.isolated_work.enqueue(50))
    assert (run.status, run.error) == (Status.COMPLETED, "")
    assert run.result["pid"] != os.getpid()
    assert run.result["users"] == 1
    assert (run.processed_items, run.total_items, run.stage) == (50, 50, "working")
    assert lines_of(run) == ["module line", "context line"]
    assert run.events.filter(kind=TaskEvent.Kind.BATCH).get().data["results"] == [{"ok": True}]
    assert run.items.filter(outcome="done").count() == 50
    assert run.checkpoint == {"done": 50}
    eventually(lambda: gone(run.result["pid"]))


@pytest.mark.parametrize("how", ["cancel", "timeout"])
def test_cancel_and_timeout_kill_within_a_second_what_never_reports(
    worker: WorkerThread, owner: User, how: str
) -> None:
    timeout = timedelta(seconds=4) if how == "timeout" else None
    result = functions.isolated_spin.using(owner=owner, timeout=timeout).enqueue()
    run = reported(result)
    pid = int(run.message)
    eventually(lambda: psutil.Process(pid).cpu_times().user > 0.2, what="it spins")
    if how == "cancel":
        asked_at = time.monotonic()
        lifecycle.cancel(run, by=owner)
        run = ended(result)
        assert time.monotonic() - asked_at < 1.5, "a second, and a little for a busy machine"
        assert run.status == Status.CANCELLED
    else:
        run = ended(result)
        assert (run.status, run.error) == (Status.FAILED, "Timed out after 4 s.")
        assert (run.completed_at - run.started_at).total_seconds() < 5.5
    eventually(lambda: gone(pid), within=1)
    assert lines_of(run) == [f"pid {pid}"]


def test_a_cancelled_child_that_reports_cleans_up_first(worker: WorkerThread, owner: User) -> None:
    result = functions.isolated_that_cleans_up.enqueue()
    lifecycle.cancel(reported(result), by=owner)
    run = ended(result)
    assert run.status == Status.CANCELLED
    assert lines_of(run) == ["cleaned up"]


def test_what_a_child_started_is_killed_with_it(worker: WorkerThread, owner: User) -> None:
    result = functions.isolated_with_grandchild.enqueue()
    run = reported(result)
    child, program = map(int, run.message.split())
    lifecycle.cancel(run, by=owner)
    assert ended(result).status == Status.CANCELLED
    eventually(lambda: gone(child) and gone(program), within=2)


def test_an_exception_comes_back_with_class_message_and_traceback(worker: WorkerThread, owner: User) -> None:
    result = functions.isolated_raise.using(owner=owner).enqueue()
    run = ended(result)
    assert (run.status, run.error) == (Status.FAILED, "ValueError: cannot reach postgres://***@db/prod")
    assert run.exception_class == "builtins.ValueError"
    assert "isolated_raise" in run.traceback
    assert "hunter2" not in run.traceback
    assert Notification.objects.get().type == "task_failed"
    result.refresh()
    assert result.errors[0].exception_class is ValueError


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("exit", "exit code 7"),
        ("kill", "SIGKILL"),
        ("segfault", "SIGSEGV"),
        ("sys.exit", "SystemExit: 3"),
        ("return", "JSON"),
    ],
)
def test_a_child_that_dies_fails_the_attempt_with_a_plain_reason(worker: WorkerThread, how: str, reason: str) -> None:
    run = ended(functions.isolated_death.enqueue(how))
    assert run.status == Status.FAILED
    assert reason in run.error
    assert lines_of(run) == ["last words"]


@pytest.mark.parametrize("function", [functions.fail_for_good, functions.isolated_fail_for_good])
def test_a_function_can_fail_for_good_though_attempts_are_left(worker: WorkerThread, function: object) -> None:
    run = ended(function.enqueue())
    assert (run.status, run.attempt, run.error) == (Status.FAILED, 1, "The account was closed.")


def test_a_child_goes_back_in_line_when_its_worker_stops(engine_tables: None) -> None:
    worker = WorkerThread(grace=timedelta()).start()
    result = functions.isolated_spin.enqueue()
    pid = int(reported(result).message)
    worker.stop()
    run = TaskRun.objects.get(pk=result.id)
    assert (run.status, run.attempt, run.failed_attempts) == (Status.PENDING, 2, 0)
    eventually(lambda: gone(pid), within=2)


def test_a_coroutine_cannot_be_isolated_and_the_error_says_what_to_do() -> None:
    with pytest.raises(InvalidTask, match=r"asyncio\.run"):
        replace(add_async, isolate=True)

"""What an attempt leaves for the next one."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from tasks import lifecycle
from tasks.checkpoint import Checkpoint
from tasks.exceptions import RunStopped
from tasks.models import TaskRun
from tasks.reporting import Reporter
from tasks.states import FINAL, Status
from tests.tasks import working_functions as functions
from tests.tasks.runs import make_run_in
from tests.waiting import eventually
from tests.workers import WorkerThread


class Silent(Reporter):
    """Nobody writes what is said."""

    def _wake_writer(self) -> None:
        pass


def ended(result: object) -> TaskRun:
    """The run of a TaskResult, once it has ended."""
    return eventually(lambda: TaskRun.objects.filter(pk=result.id, status__in=FINAL).first())


def test_the_next_attempt_finds_what_the_last_one_saved(worker: WorkerThread) -> None:
    run = ended(functions.keep_and_fail.enqueue())
    assert (run.status, run.attempt, run.result) == (Status.COMPLETED, 2, {"seen": [1, 2]})


def test_too_much_is_refused_with_the_bound(worker: WorkerThread) -> None:
    run = ended(functions.keep_too_much.enqueue())
    assert run.status == Status.FAILED
    assert "1,048,576 bytes at most" in run.error


def test_a_graceful_stop_may_save_where_it_is(engine_tables: None) -> None:
    worker = WorkerThread(grace=timedelta()).start()
    result = functions.keep_when_stopped.enqueue()
    eventually(lambda: TaskRun.objects.filter(pk=result.id, stage="waiting").exists())
    worker.stop()
    run = TaskRun.objects.get(pk=result.id)
    assert (run.status, run.attempt) == (Status.PENDING, 2)
    assert run.checkpoint >= 1


def test_inside_a_transaction_work_and_checkpoint_are_kept_together_or_not_at_all(worker: WorkerThread) -> None:
    run = ended(functions.keep_within_a_transaction.enqueue())
    assert run.status == Status.COMPLETED
    assert run.checkpoint is None
    assert not User.objects.exists()


def test_a_worker_that_lost_the_run_cannot_save(engine_tables: None) -> None:
    run = make_run_in(Status.RUNNING, max_attempts=2)
    theirs = Checkpoint(run, Silent())
    theirs.save(1)
    lifecycle.rescue(run)
    again = lifecycle.claim(run.pk, 2, worker="other:1:1")
    assert again.checkpoint == 1
    with pytest.raises(RunStopped):
        theirs.save(2)
    assert TaskRun.objects.get(pk=run.pk).checkpoint == 1


def test_items_said_to_be_done_before_are_stored_with_the_checkpoint(engine_tables: None) -> None:
    run = make_run_in(Status.RUNNING)
    reporter = Silent()
    reporter.add_item("a", "done")
    Checkpoint(run, reporter).save(1)
    assert [item.key for item in run.items.all()] == ["a"]
    assert reporter.take_items() == {}


def test_a_person_who_retries_goes_on_where_it_was(engine_tables: None, owner: User) -> None:
    run = make_run_in(Status.RUNNING, owner)
    Checkpoint(run, Silent()).save({"next": 500})
    lifecycle.fail(run, "no luck")
    run.refresh_from_db()
    assert lifecycle.retry(run, by=owner).checkpoint == {"next": 500}

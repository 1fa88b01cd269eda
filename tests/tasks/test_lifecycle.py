"""The rules of the lifecycle, each as a test named after it."""

from collections.abc import Callable
from datetime import timedelta
from itertools import product

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connections, transaction

from notifications.models import Notification
from tasks import lifecycle, tickets
from tasks.cleanup import cleanup_old_tasks
from tasks.exceptions import AlreadyRunning, CannotRetry, TransitionRefused
from tasks.models import TaskEvent, TaskRun
from tasks.retry import delay_before
from tasks.states import ALLOWED, FINAL, Status
from tests.racing import race
from tests.tasks.runs import make_run, make_run_in

pytestmark = pytest.mark.usefixtures("db")

MOVES: dict[Status, Callable[[TaskRun], TaskRun | None]] = {
    Status.PENDING: lifecycle.release,
    Status.RUNNING: lambda run: lifecycle.claim(run.pk, run.attempt, worker="host:2:2"),
    Status.COMPLETED: lambda run: lifecycle.complete(run, 1),
    Status.FAILED: lambda run: lifecycle.fail(run, "x"),
    Status.CANCELLED: lifecycle.confirm_cancelled,
}


@pytest.mark.parametrize(("old", "new"), list(product(Status, Status)))
def test_only_drawn_arrows_move_a_run(old: Status, new: Status) -> None:
    run = make_run_in(old)
    try:
        moved = MOVES[new](run) is not None
    except TransitionRefused:
        moved = False
    run.refresh_from_db()
    assert moved == (new in ALLOWED[old])
    assert run.status == (new if moved else old)


def test_each_arrow_leaves_one_event_in_order() -> None:
    run = make_run_in(Status.COMPLETED)
    events = list(run.events.values_list("seq", "kind", "data__status"))
    assert events == [(1, "state", "pending"), (2, "state", "running"), (3, "state", "completed")]


@pytest.mark.usefixtures("engine_tables")
def test_of_many_workers_claiming_one_run_exactly_one_wins() -> None:
    run = make_run()
    answers = race(*[lambda n=n: lifecycle.claim(run.pk, 1, worker=f"host:{n}:1") for n in range(6)])
    assert sum(answer is not None for answer in answers) == 1
    assert run.events.filter(data__status="running").count() == 1


@pytest.mark.usefixtures("engine_tables")
@pytest.mark.parametrize("round_", range(5))
def test_cancel_and_claim_at_once_leave_one_truth(round_: int) -> None:
    run = make_run()
    claimed, cancelled = race(lambda: lifecycle.claim(run.pk, 1, worker="host:1:1"), lambda: lifecycle.cancel(run))
    run.refresh_from_db()
    assert not isinstance(cancelled, Exception)
    if claimed is None:
        assert run.status == Status.CANCELLED
    else:
        assert run.is_cancelling


@pytest.mark.usefixtures("engine_tables")
@pytest.mark.parametrize("round_", range(5))
def test_complete_and_rescue_at_once_notify_once_and_end_once(round_: int, owner: User) -> None:
    run = make_run_in(Status.RUNNING, owner)
    race(lambda: lifecycle.complete(run, 1), lambda: lifecycle.rescue(run))
    run.refresh_from_db()
    assert run.status in {Status.COMPLETED, Status.FAILED}
    assert run.events.filter(data__status__in=sorted(FINAL)).count() == 1
    assert Notification.objects.count() == 1


@pytest.mark.usefixtures("engine_tables")
@pytest.mark.parametrize("round_", range(5))
def test_what_completes_while_it_is_cancelled_has_completed(round_: int, owner: User) -> None:
    run = make_run_in(Status.RUNNING, owner)
    completed, cancelled = race(lambda: lifecycle.complete(run, 1), lambda: lifecycle.cancel(run, by=owner))
    run.refresh_from_db()
    assert run.status == Status.COMPLETED
    assert not isinstance(completed, Exception)
    # Asked in time, or told that it had ended: nothing else.
    assert isinstance(cancelled, TransitionRefused) or run.events.filter(data__status="cancelling").count() == 1
    assert run.events.filter(data__status__in=sorted(FINAL)).count() == 1
    assert Notification.objects.count() == 1


@pytest.mark.usefixtures("engine_tables")
@pytest.mark.parametrize("round_", range(5))
def test_two_clicks_on_retry_start_one_run_and_the_second_is_told_which(round_: int, owner: User) -> None:
    run = make_run_in(Status.FAILED, owner)
    answers = race(*[lambda: lifecycle.retry(run, by=owner)] * 2)
    started = TaskRun.objects.live().get()
    [late] = [answer for answer in answers if isinstance(answer, AlreadyRunning)]
    assert late.run_id == started.pk
    assert sum(isinstance(answer, TaskRun) for answer in answers) == 1


@pytest.mark.usefixtures("engine_tables")
def test_what_was_retried_and_has_ended_can_be_retried_again(owner: User) -> None:
    run = make_run_in(Status.FAILED, owner)
    lifecycle.cancel(lifecycle.retry(run, by=owner))
    assert lifecycle.retry(run, by=owner).retry_of_id == run.pk


@pytest.mark.usefixtures("engine_tables")
@pytest.mark.parametrize("round_", range(5))
def test_retry_and_cleanup_at_once_leave_a_run_that_can_run(round_: int, owner: User) -> None:
    run = make_run_in(Status.FAILED, owner)
    again, deleted = race(lambda: lifecycle.retry(run, by=owner), lambda: cleanup_old_tasks(0))
    if isinstance(again, CannotRetry):
        assert deleted == 1
        assert not TaskRun.objects.exists()
    else:
        assert isinstance(again, TaskRun)
        waiting = TaskRun.objects.live().get()
        assert (waiting.pk, waiting.args) == (again.pk, run.args)
        assert lifecycle.claim(waiting.pk, 1, worker="host:1:1") is not None


def test_a_worker_presumed_dead_cannot_write_when_it_comes_back() -> None:
    mine = make_run_in(Status.RUNNING, max_attempts=2)
    lifecycle.rescue(mine)
    theirs = lifecycle.claim(mine.pk, 2, worker="host:2:2")
    assert theirs is not None
    for write in (
        lambda: lifecycle.complete(mine, "stale"),
        lambda: lifecycle.fail(mine, "stale"),
        lambda: lifecycle.release(mine),
        lambda: lifecycle.confirm_cancelled(mine),
        lambda: lifecycle.rescue(mine),
    ):
        with pytest.raises(TransitionRefused):
            write()
    assert lifecycle.complete(theirs, "fresh").result == "fresh"


def test_a_lost_worker_fails_a_run_that_has_one_attempt(owner: User) -> None:
    run = lifecycle.rescue(make_run_in(Status.RUNNING, owner))
    assert run.status == Status.FAILED
    assert run.error.startswith("Worker lost")
    assert Notification.objects.count() == 1


def test_a_run_that_loses_its_worker_too_often_is_not_rescued_for_ever() -> None:
    run = make_run(max_attempts=100)
    for _ in range(lifecycle.MAX_RESCUES):
        claimed = lifecycle.claim(run.pk, run.attempt, worker="host:1:1")
        assert claimed is not None
        run = lifecycle.rescue(claimed)
        assert run.status == Status.PENDING
    claimed = lifecycle.claim(run.pk, run.attempt, worker="host:1:1")
    assert claimed is not None
    assert lifecycle.rescue(claimed).status == Status.FAILED


def test_a_run_that_was_asked_to_stop_is_cancelled_not_rescued() -> None:
    run = make_run_in(Status.RUNNING, max_attempts=5)
    run = lifecycle.cancel(run)
    assert lifecycle.rescue(run).status == Status.CANCELLED


def test_a_stop_that_was_asked_for_survives_a_worker_that_shuts_down() -> None:
    run = make_run_in(Status.RUNNING)
    lifecycle.cancel(run)
    assert lifecycle.release(run).status == Status.CANCELLED


def test_cancelling_a_waiting_run_takes_its_ticket_away() -> None:
    run = lifecycle.cancel(make_run())
    assert run.status == Status.CANCELLED
    assert not tickets.runs_without_ticket()
    assert lifecycle.cancel(run).status == Status.CANCELLED


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
def test_what_has_ended_cannot_be_cancelled(status: Status) -> None:
    with pytest.raises(TransitionRefused):
        lifecycle.cancel(make_run_in(status))


def test_cancelling_a_running_run_twice_records_one_request() -> None:
    run = make_run_in(Status.RUNNING)
    assert lifecycle.cancel(run).seq == lifecycle.cancel(run).seq
    assert run.events.filter(data__status="cancelling").count() == 1


@pytest.mark.usefixtures("engine_tables")
def test_rolling_back_takes_run_and_ticket_with_it() -> None:
    class Undo(Exception):
        pass

    with pytest.raises(Undo), transaction.atomic():
        make_run()
        raise Undo
    assert not TaskRun.objects.exists()
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs")
        assert cursor.fetchone() == (0,)


def test_one_unique_key_is_live_once_and_free_again_afterwards() -> None:
    first = make_run(unique_key="topic:7")
    with pytest.raises(AlreadyRunning) as refused:
        make_run(unique_key="topic:7")
    assert refused.value.run_id == first.pk
    lifecycle.cancel(first)
    assert make_run(unique_key="topic:7").status == Status.PENDING


def test_a_taken_unique_key_does_not_spoil_the_callers_transaction() -> None:
    make_run(unique_key="k")
    with transaction.atomic():
        with pytest.raises(AlreadyRunning):
            make_run(unique_key="k")
        make_run(name="still possible")
    assert TaskRun.objects.filter(name="still possible").exists()


@pytest.mark.usefixtures("engine_tables")
def test_of_many_asking_for_one_unique_key_at_once_exactly_one_gets_it() -> None:
    answers = race(*[lambda: make_run(unique_key="k") for _ in range(6)])
    assert sum(isinstance(answer, TaskRun) for answer in answers) == 1
    assert sum(isinstance(answer, AlreadyRunning) for answer in answers) == 5


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
def test_retry_makes_a_new_run_that_links_to_the_old(status: Status, owner: User) -> None:
    old = make_run_in(status, owner, topic="t")
    new = lifecycle.retry(old, by=owner)
    assert (new.retry_of_id, new.status, new.args, new.owner, new.topic) == (
        old.pk,
        Status.PENDING,
        [1, 2],
        owner,
        "t",
    )


@pytest.mark.parametrize("status", [Status.PENDING, Status.RUNNING, Status.COMPLETED])
def test_only_what_failed_or_was_cancelled_is_run_again(status: Status) -> None:
    with pytest.raises(CannotRetry):
        lifecycle.retry(make_run_in(status))


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
def test_trouble_with_the_notification_leaves_the_verdict(
    status: Status, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**kwargs: object) -> None:
        # A real database error, inside the transaction that ends the run.
        Notification.objects.create(user=owner, type="x" * 51, title="", message="")

    monkeypatch.setattr("notifications.facade.create_notification", broken)
    run = make_run_in(status, owner)
    run.refresh_from_db()
    assert run.status == status


@pytest.mark.parametrize(
    "impossible",
    [
        {"status": Status.COMPLETED},
        {"progress": 100},
        {"progress": -1},
        {"processed_items": 5, "total_items": 4},
        {"status": "paused"},
    ],
)
def test_the_database_refuses_impossible_rows(impossible: dict[str, object]) -> None:
    run = make_run()
    with pytest.raises(IntegrityError):
        TaskRun.objects.filter(pk=run.pk).update(**impossible)


def test_events_are_numbered_once_each() -> None:
    run = make_run()
    with pytest.raises(IntegrityError):
        TaskEvent.objects.create(run=run, seq=1, kind="log", data={})


def test_waits_grow_and_end() -> None:
    first = timedelta(seconds=5)
    delays = [delay_before(n, max_attempts=5, first=first) for n in range(2, 7)]
    assert delays[-1] is None
    seconds = [delay.total_seconds() for delay in delays[:-1] if delay]
    for doubled, actual in zip([5, 10, 20, 40], seconds, strict=True):
        assert doubled <= actual <= doubled * 1.1
    late = delay_before(100, max_attempts=100, first=first)
    assert late is not None
    assert late <= timedelta(hours=1.1)

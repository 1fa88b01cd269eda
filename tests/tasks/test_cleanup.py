"""Runs that ended long ago go; nobody has to wait for it, and nothing else goes with them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from tasks import cleanup, lifecycle
from tasks.exceptions import CannotRetry
from tasks.models import Schedule, TaskEvent, TaskItem, TaskRun
from tasks.states import Status
from tests.tasks.runs import ADD, make_run, make_run_in

REMEMBERED = "tests.tasks.functions.be_remembered"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

pytestmark = pytest.mark.usefixtures("db")


def ended(ago: timedelta, task: str = ADD, status: str = Status.FAILED) -> TaskRun:
    """A run that ended so long ago."""
    run = make_run_in(status, task=task)
    TaskRun.objects.filter(pk=run.pk).update(completed_at=timezone.now() - ago)
    return run


def left() -> set[object]:
    """The ids of the runs that are there."""
    return set(TaskRun.objects.values_list("pk", flat=True))


def make_history(number: int) -> None:
    """Finished runs of a week ago, with an event and an item each."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO background_tasks (
                id, task, name, status, priority, queue, topic, args, kwargs, created_at, completed_at, progress,
                processed_items, current_item, stage, message, error, exception_class, traceback, metadata, attempt,
                failed_attempts, rescues, max_attempts, worker, worker_ids, unique_key, concurrency_key, search, seq
            )
            SELECT gen_random_uuid(), %s, 'Add', 'completed', 0, 'default', '', '[]', '{}', at, at, 100,
                   0, '', '', '', '', '', '', '{}', 1, 0, 0, 1, '', '[]', '', '', '', 3
            FROM (SELECT now() - interval '7 days' - number * interval '1 ms' AS at
                  FROM generate_series(1, %s) AS number) AS past
            """,
            [ADD, number],
        )
        cursor.execute(
            "INSERT INTO task_events (run_id, seq, at, kind, data) SELECT id, 1, now(), 'log', '{}' "
            "FROM background_tasks"
        )
        cursor.execute(
            "INSERT INTO task_items (run_id, key, outcome, error, at) SELECT id, 'a', 'done', '', now() "
            "FROM background_tasks"
        )


def test_each_task_is_kept_for_its_own_while(settings: Settings) -> None:
    settings.TASKS_KEEP_HOURS = 24
    gone, young = ended(2 * DAY), ended(HOUR)
    remembered, forgotten = ended(29 * DAY, REMEMBERED), ended(31 * DAY, REMEMBERED)
    live = make_run()
    assert cleanup.cleanup_old_tasks(None) == 2
    assert left() == {young.pk, remembered.pk, live.pk}, (gone, forgotten)
    settings.TASKS_KEEP = {REMEMBERED: 24 * 20, ADD: 0.5}
    assert cleanup.cleanup_old_tasks(None) == 2
    assert left() == {live.pk}


def test_by_hand_an_age_counts_for_all_but_those_with_a_longer_while_of_their_own(settings: Settings) -> None:
    settings.TASKS_KEEP = {ADD: 1}
    old, younger, remembered = ended(3 * HOUR), ended(90 * timedelta(minutes=1)), ended(29 * DAY, REMEMBERED)
    assert cleanup.cleanup_old_tasks(2) == 1, "not what is younger than asked, though its own while is over"
    assert left() == {younger.pk, remembered.pk}, old
    assert cleanup.cleanup_old_tasks(0) == 1
    assert left() == {remembered.pk}
    assert cleanup.cleanup_old_tasks(0, include_kept=True) == 1


def test_the_terminal_asks_how_old_is_old_enough_before_it_deletes_what_is_kept() -> None:
    ended(HOUR, REMEMBERED)
    with pytest.raises(CommandError, match="how old is old enough"):
        call_command("tasks", "cleanup", "--include-kept")
    call_command("tasks", "cleanup", "--max-age-hours", "0")
    assert len(left()) == 1
    call_command("tasks", "cleanup", "--max-age-hours", "0", "--include-kept")
    assert left() == set()


def test_what_belongs_to_a_run_goes_with_it_and_what_points_to_it_stays() -> None:
    run = ended(2 * DAY)
    TaskItem.objects.create(run=run, key="a", outcome="failed")
    again = lifecycle.retry(run)
    lifecycle.cancel(again)
    schedule = Schedule.objects.create(name="Nightly", task=ADD, cron="0 3 * * *", last_run=run)
    assert cleanup.cleanup_old_tasks(24) == 1
    again.refresh_from_db()
    schedule.refresh_from_db()
    assert (again.retry_of_id, schedule.last_run_id) == (None, None)
    assert not TaskItem.objects.exists()
    assert set(TaskEvent.objects.values_list("run", flat=True)) == {again.pk}


def test_what_a_live_run_goes_on_from_stays() -> None:
    run = ended(2 * DAY)
    again = lifecycle.retry(run)
    assert cleanup.cleanup_old_tasks(0) == 0
    lifecycle.cancel(again)
    assert cleanup.cleanup_old_tasks(0) == 2


def test_what_was_deleted_meanwhile_cannot_be_run_again() -> None:
    run = ended(2 * DAY)
    cleanup.cleanup_old_tasks(24)
    with pytest.raises(CannotRetry, match="deleted meanwhile"):
        lifecycle.retry(run)
    assert not left()


@pytest.mark.parametrize("hours", [-1, float("nan")])
def test_an_age_is_zero_or_more(hours: float) -> None:
    with pytest.raises(ValueError, match="zero or more"):
        cleanup.cleanup_old_tasks(hours)


@pytest.mark.django_db(transaction=True)
def test_no_claim_waits_for_a_batch_and_no_batch_for_a_locked_row(engine_tables: None) -> None:
    make_history(3500)
    waiting, looked_at = make_run(), ended(2 * DAY)

    def elsewhere() -> TaskRun | None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '5s'")
            return lifecycle.claim(waiting.pk, 1, worker="host:1:1")
        finally:
            connection.close()

    def clean() -> int:
        try:
            return cleanup.cleanup_old_tasks(24)
        finally:
            connection.close()

    with ThreadPoolExecutor() as pool:
        with transaction.atomic():
            cleanup.delete_runs([pk for pk, _ in cleanup._oldest(ADD, cleanup.LONG_AGO, timezone.now())])
            assert pool.submit(elsewhere).result(30) is not None, "claimed while the batch is open"
        with transaction.atomic():
            TaskRun.objects.select_for_update().get(pk=looked_at.pk)
            assert pool.submit(clean).result(60) == 2500, "what the open batch left, but for one"
        with transaction.atomic():
            again = lifecycle.retry(looked_at)
            assert pool.submit(clean).result(60) == 0, "somebody is about to run it again"
    assert left() == {waiting.pk, looked_at.pk, again.pk}
    assert TaskEvent.objects.exclude(run__in=[waiting, looked_at, again]).count() == TaskItem.objects.count() == 0

"""How runs ended is counted by the hour, whoever ended them, and stays true when they are deleted."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from tasks import history, lifecycle
from tasks.history import Hour, last_hours
from tasks.models import RunHour, TaskRun
from tasks.states import Status
from tests.tasks.runs import make_run, make_run_in


def end(owner: User | None, status: Status, *, took: timedelta = timedelta(seconds=8)) -> None:
    """A run that took so long and ended so, just now."""
    run = make_run(owner)
    claimed = lifecycle.claim(run.pk, run.attempt, worker="host:1:1")
    assert claimed is not None
    TaskRun.objects.filter(pk=run.pk).update(started_at=Now() - took)
    lifecycle.complete(claimed, 3) if status == Status.COMPLETED else lifecycle.fail(claimed, "no luck")


def ended(user: User) -> dict[str, int]:
    """What ended in the last 24 hours, as `user` is told."""
    found: dict[str, int] = {}
    for hour in last_hours(user):
        for status, number in hour.ended.items():
            found[status] = found.get(status, 0) + number
    return found


def test_everybody_reads_how_their_own_runs_ended_and_staff_how_all_did(
    owner: User, stranger: User, staff: User
) -> None:
    for user in (owner, owner, stranger, None):
        end(user, Status.COMPLETED)
    make_run_in(Status.FAILED, owner)
    make_run_in(Status.CANCELLED, stranger)
    make_run_in(Status.RUNNING, owner)
    assert ended(owner) == {"completed": 2, "failed": 1}
    assert ended(stranger) == {"completed": 1, "cancelled": 1}
    assert ended(staff) == {"completed": 4, "failed": 1, "cancelled": 1}


def test_a_run_that_ends_is_counted_once_and_stays_counted_when_it_is_deleted(owner: User) -> None:
    make_run_in(Status.COMPLETED, owner)
    TaskRun.objects.update(message="touched later")
    assert ended(owner) == {"completed": 1}
    TaskRun.objects.all().delete()
    assert ended(owner) == {"completed": 1}


def test_summed_up_it_is_the_same_in_few_rows_and_what_no_chart_shows_is_forgotten(owner: User, staff: User) -> None:
    for _ in range(5):
        end(owner, Status.COMPLETED)
    make_run_in(Status.FAILED, owner)
    old = timezone.now() - timedelta(hours=60)
    RunHour.objects.create(everybody=True, hour=old, status="completed", step=0, number=7, is_sum=True)
    assert history.sum_up(enough=1)
    assert not history.sum_up(enough=1)
    assert RunHour.objects.count() == 4  # two ways to end, for the owner and for everybody
    assert ended(owner) == ended(staff) == {"completed": 5, "failed": 1}
    end(owner, Status.COMPLETED)
    assert history.sum_up(enough=1)
    assert RunHour.objects.count() == 4
    assert ended(owner) == {"completed": 6, "failed": 1}


@pytest.mark.parametrize("seconds", [0.05, 1, 7.3, 95, 5000])
def test_a_duration_is_known_to_within_nine_percent(owner: User, seconds: float) -> None:
    end(owner, Status.COMPLETED, took=timedelta(seconds=seconds))
    run = TaskRun.objects.get()
    assert run.completed_at is not None and run.started_at is not None
    took = (run.completed_at - run.started_at).total_seconds()
    [hour] = [hour for hour in last_hours(owner) if hour.steps]
    assert hour.seconds(0.5) == pytest.approx(took, rel=0.095)


def test_failures_say_nothing_of_how_long_a_run_takes(owner: User) -> None:
    end(owner, Status.FAILED)
    assert all(hour.seconds(0.5) is None for hour in last_hours(owner))


def test_half_and_ninety_five_of_a_hundred() -> None:
    hour = Hour(start=timezone.now(), ended={}, steps={0: 90, 8: 9, 20: 1})
    assert (hour.seconds(0.5), hour.seconds(0.95), hour.seconds(1)) == (1, 4, 32)


def test_hours_are_read_in_one_query_by_an_index_whatever_the_number_of_owners(owner: User, staff: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO task_hours (everybody, owner_id, hour, status, step, number, is_sum) "
            "SELECT false, 1000 + n, now() - interval '1 hour', 'completed', n % 40, 1, true "
            "FROM generate_series(1, 8000) n"
        )
        cursor.execute("ANALYZE task_hours")
    end(owner, Status.COMPLETED)
    for user in (owner, staff):
        who = None if user == staff else user
        rows = RunHour.objects.of(who).filter(hour__gte=timezone.now() - timedelta(hours=23))
        assert "task_hours_of_owner" in rows.explain()
        assert ended(user) == {"completed": 1}

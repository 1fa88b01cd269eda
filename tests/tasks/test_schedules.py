"""What the clock starts: once, whoever looks; once after downtime; never over itself."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from pytest_django.fixtures import Settings

from tasks import lifecycle, schedules
from tasks.exceptions import AlreadyRunning, BadSchedule
from tasks.models import Schedule, TaskEvent, TaskRun
from tasks.schedules import Plan, database_now
from tasks.states import FINAL, Status
from tests.racing import race
from tests.tasks.runs import ADD
from tests.waiting import eventually
from tests.workers import WorkerThread

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def schedulable(settings: Settings) -> None:
    """What may be scheduled in these tests."""
    settings.TASKS_SCHEDULABLE = {ADD: "", "tests.tasks.functions.gone": "", "ingest.jobs.collect": ""}


def make(owner: User | None = None, **fields: Any) -> Schedule:
    """A schedule of `add(1, 2)`, every hour."""
    plan = {"name": "Hourly", "task": ADD, "kwargs": {"a": 1, "b": 2}, "interval": HOUR, **fields}
    return schedules.create(Plan(owner_id=owner.pk if owner else None, **plan))


def overdue(schedule: Schedule, by: timedelta = timedelta(seconds=1)) -> Schedule:
    """The same schedule, due since `by`."""
    Schedule.objects.filter(pk=schedule.pk).update(next_run_at=database_now() - by)
    schedule.refresh_from_db()
    return schedule


def test_many_workers_that_look_together_fire_once(engine_tables: None) -> None:
    schedule = overdue(make())
    for _ in range(5):
        assert sorted(race(*[schedules.fire_due] * 6)) == [0, 0, 0, 0, 0, 1]
        lifecycle.cancel(TaskRun.objects.get(status=Status.PENDING))
        overdue(schedule)
    assert TaskRun.objects.count() == 5


def test_a_worker_that_holds_the_row_keeps_the_others_from_waiting(engine_tables: None) -> None:
    schedule = overdue(make())
    with transaction.atomic():
        Schedule.objects.select_for_update().get(pk=schedule.pk)
        assert race(*[schedules.fire_due] * 2) == [0, 0]
    assert schedules.fire_due() == 1


def test_real_workers_run_what_is_due(worker: WorkerThread, owner: User) -> None:
    second = WorkerThread().start()
    try:
        schedule = overdue(make(owner))
        run = eventually(lambda: TaskRun.objects.filter(status__in=FINAL).first(), what="the schedule fires")
    finally:
        second.stop()
    assert (run.status, run.result, run.owner, run.name) == (Status.COMPLETED, 3, owner, "Hourly")
    assert run.metadata["schedule_id"] == schedule.pk
    assert TaskRun.objects.count() == 1


@pytest.mark.parametrize("away", [timedelta(minutes=5), timedelta(days=3, minutes=5)])
def test_after_downtime_there_is_one_run_and_then_the_next_time(db: None, away: timedelta) -> None:
    schedule = overdue(make(), by=away)
    due_at = schedule.next_run_at
    assert due_at is not None
    assert [schedules.fire_due() for _ in range(3)] == [1, 0, 0]
    schedule.refresh_from_db()
    assert schedule.next_run_at is not None
    assert schedule.next_run_at > database_now()
    # No drift: still on the grid of the first due time.
    assert (schedule.next_run_at - due_at) % HOUR == timedelta()
    assert TaskRun.objects.get().metadata["due_at"] == due_at.isoformat()


def test_a_run_that_is_still_live_is_not_overtaken_and_both_sides_say_so(db: None) -> None:
    schedule = overdue(make())
    assert schedules.fire_due() == 1
    for _ in range(2):
        overdue(schedule)
        assert schedules.fire_due() == 0
    schedule.refresh_from_db()
    assert (schedule.skipped, schedule.last_error) == (2, "")
    line = TaskEvent.objects.get(kind=TaskEvent.Kind.LOG)
    assert (line.run, line.data["level"]) == (schedule.last_run, "warning")
    assert "“Hourly” was due meanwhile" in line.data["message"]
    lifecycle.cancel(TaskRun.objects.get())
    overdue(schedule)
    assert schedules.fire_due() == 1


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"task": "tests.tasks.functions.gone"}, "is gone"),
        ({"task": "tests.tasks.functions.note"}, "not among the tasks"),
        ({"kwargs": {"a": 1}}, "missing a required argument: 'b'"),
        ({"kwargs": {"a": 1, "b": 2, "c": 3}}, "unexpected keyword argument 'c'"),
    ],
)
def test_one_that_cannot_start_says_why_and_the_others_start(db: None, broken: dict[str, Any], told: str) -> None:
    bad, good = overdue(make(), by=timedelta(minutes=20)), overdue(make(name="Good"))
    Schedule.objects.filter(pk=bad.pk).update(**broken)
    assert schedules.fire_due() == 1
    bad.refresh_from_db()
    good.refresh_from_db()
    assert told in bad.last_error
    assert good.last_error == ""
    assert bad.next_run_at is not None
    assert bad.next_run_at > database_now()
    # Mended, it starts at its next time and the complaint goes.
    Schedule.objects.filter(pk=bad.pk).update(task=ADD, kwargs={"a": 1, "b": 2})
    overdue(bad)
    assert schedules.fire_due() == 1
    bad.refresh_from_db()
    assert bad.last_error == ""


def test_one_of_a_task_that_only_newer_code_knows_is_left_to_a_newer_worker(db: None, settings: Settings) -> None:
    newer, _ = overdue(make(), by=timedelta(minutes=2)), overdue(make(name="Good"))
    Schedule.objects.filter(pk=newer.pk).update(task="tests.tasks.functions.note", kwargs={"text": "later"})
    due_at = newer.next_run_at
    assert schedules.fire_due() == 1
    newer.refresh_from_db()
    assert (newer.next_run_at, newer.last_error, newer.last_run) == (due_at, "", None)
    settings.TASKS_SCHEDULABLE = {**settings.TASKS_SCHEDULABLE, "tests.tasks.functions.note": ""}
    assert schedules.fire_due() == 1


def test_a_rhythm_that_went_bad_stops_only_its_own_schedule(db: None) -> None:
    bad, _ = overdue(make(), by=timedelta(minutes=2)), overdue(make(name="Good"))
    Schedule.objects.filter(pk=bad.pk).update(interval=None, cron="not a cron line at all")
    schedules.fire_due()
    bad.refresh_from_db()
    assert bad.next_run_at is None
    assert "until it is changed" in bad.last_error
    assert TaskRun.objects.filter(name="Good").exists()


def test_nothing_starts_for_an_account_that_was_closed(owner: User) -> None:
    schedule = overdue(make(owner))
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert schedules.fire_due() == 0
    schedule.refresh_from_db()
    assert "not active" in schedule.last_error


def test_disabled_it_is_not_due_and_enabled_it_makes_up_for_nothing(db: None) -> None:
    schedule = schedules.disable(overdue(make()))
    assert schedule.next_run_at is None
    assert schedules.fire_due() == 0
    schedule = schedules.enable(schedule)
    assert schedule.next_run_at is not None
    assert schedule.next_run_at > database_now()
    assert schedules.fire_due() == 0


def test_a_new_rhythm_counts_from_now_and_other_changes_leave_the_next_time(db: None) -> None:
    schedule = make()
    before = schedule.next_run_at
    plan = Plan(name="Renamed", task=ADD, kwargs={"a": 1, "b": 3}, interval=HOUR)
    schedule = schedules.change(schedule, plan)
    assert (schedule.name, schedule.kwargs, schedule.next_run_at) == ("Renamed", {"a": 1, "b": 3}, before)
    plan = Plan(name="Renamed", task=ADD, kwargs={"a": 1, "b": 3}, cron="0  6 * *   *", zone="Europe/Berlin")
    schedule = schedules.change(schedule, plan)
    assert schedule.cron == "0 6 * * *"
    assert schedule.next_run_at is not None
    assert schedule.next_run_at != before


def test_run_now_leaves_the_next_time_and_does_not_overtake(owner: User) -> None:
    schedule = make(owner)
    run = schedules.run_now(schedule, by=owner)
    again = Schedule.objects.get()
    assert (again.last_run, again.next_run_at) == (run, schedule.next_run_at)
    assert run.metadata["started_by"] == "owner"
    with pytest.raises(AlreadyRunning) as busy:
        schedules.run_now(schedule, by=owner)
    assert busy.value.run_id == run.pk


def test_a_deleted_schedule_leaves_its_runs(db: None) -> None:
    schedule = overdue(make())
    schedules.fire_due()
    schedules.delete(schedule)
    assert TaskRun.objects.count() == 1


def test_a_cleaned_up_last_run_does_not_hold_its_schedule(db: None) -> None:
    schedule = overdue(make())
    schedules.fire_due()
    TaskRun.objects.all().delete()
    overdue(schedule)
    assert schedules.fire_due() == 1


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("name", {"name": "  "}),
        ("task", {"task": "os.system"}),
        ("task", {"task": "tests.tasks.functions.gone"}),
        ("kwargs", {"kwargs": {"nonsense": 1}}),
        ("kwargs", {"kwargs": []}),
        ("kwargs", {"kwargs": {"a": float("nan"), "b": 2}}),
        ("cron", {"interval": None}),
        ("cron", {"cron": "0 6 * * *"}),
        ("cron", {"interval": None, "cron": "0 6 * *"}),
        ("interval", {"interval": timedelta(seconds=1)}),
        ("zone", {"interval": None, "cron": "0 6 * * *", "zone": "Mars/Olympus"}),
    ],
)
def test_what_could_never_run_is_refused_by_field(db: None, field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(BadSchedule) as bad:
        make(**changes)
    assert bad.value.field == field
    assert not Schedule.objects.exists()


def test_a_name_is_used_once(db: None) -> None:
    make()
    with pytest.raises(BadSchedule, match="of this name already"):
        make()

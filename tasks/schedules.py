"""Runs that the clock starts. The only writer of schedules: create, change, enable, disable, run now, delete, fire.

Every worker looks every second or two for what is due. The row lock and the condition on `next_run_at` decide who
fires: the run, its ticket and the next due time are one transaction, so N workers fire once, and a crash fires once,
too. However long nobody looked, a schedule that is due is started once and then waits for its next time.
"""

import asyncio
import logging
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from live import audit
from notifications.languages import in_language_of

from . import due, schedulable
from .conf import conf
from .db import database_now, in_thread
from .exceptions import AlreadyRunning, BadSchedule
from .models import Schedule, TaskEvent, TaskRun
from .sentences import SCHEDULE_SKIPPED
from .text import fit, mask_secrets
from .updates import send_log_update

logger = logging.getLogger(__name__)

LOOK_EVERY = 1.5  # seconds between two looks of one worker
BATCH = 200  # schedules fired in one look
SHORTEST = timedelta(seconds=10)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything a person decides about a schedule: either `cron`, read in `zone`, or `interval`."""

    name: str
    task: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    owner_id: int | None = None
    topic: str = ""
    cron: str = ""
    interval: timedelta | None = None
    zone: str = "UTC"


def create(plan: Plan, *, enabled: bool = True) -> Schedule:
    """Store a schedule; its first run is when it is due next. Raises BadSchedule."""
    now = database_now()
    schedule = Schedule(enabled=enabled, created_at=now, **checked(plan))
    schedule.next_run_at = _first_due(schedule, now) if enabled else None
    with transaction.atomic():
        stored = _store(schedule)
        audit.record("schedule.created", stored, task=stored.task, cron=stored.cron, interval=stored.interval)
    return stored


def change(schedule: Schedule, plan: Plan) -> Schedule:
    """Store `plan` in place of what `schedule` was. A new rhythm counts from now. Raises BadSchedule."""
    values = checked(plan)
    with audit.changing("schedule.changed", schedule, *values):
        # Locked, and only the plan's columns written: a worker may be firing this schedule.
        current = Schedule.objects.select_for_update().get(pk=schedule.pk)
        before = (current.cron, current.interval, current.zone)
        for name, value in values.items():
            setattr(current, name, value)
        if current.enabled and (
            current.next_run_at is None or before != (current.cron, current.interval, current.zone)
        ):
            current.next_run_at = _first_due(current, database_now())
        current.last_error = ""
        return _store(current, [*values, "next_run_at", "last_error"])


def enable(schedule: Schedule) -> Schedule:
    """Start it by the clock again, from its next time on: what was due meanwhile is not made up for."""
    with audit.changing("schedule.enabled", schedule, "enabled"):
        Schedule.objects.filter(pk=schedule.pk, enabled=False).update(
            enabled=True, next_run_at=_first_due(schedule, database_now()), last_error=""
        )
    schedule.refresh_from_db()
    return schedule


def disable(schedule: Schedule) -> Schedule:
    """Start it no more. A run that is under way goes on."""
    with audit.changing("schedule.disabled", schedule, "enabled"):
        Schedule.objects.filter(pk=schedule.pk, enabled=True).update(enabled=False, next_run_at=None)
    schedule.refresh_from_db()
    return schedule


def delete(schedule: Schedule) -> None:
    """Forget the schedule. Its runs stay."""
    with transaction.atomic():
        if Schedule.objects.filter(pk=schedule.pk).delete()[0]:
            audit.record("schedule.deleted", schedule, task=schedule.task)


def run_now(schedule: Schedule, *, by: AbstractBaseUser | None = None) -> TaskRun:
    """Start it at once; its next time stays. Raises AlreadyRunning while its last run is live, and BadSchedule."""
    with transaction.atomic():
        current = Schedule.objects.select_for_update().get(pk=schedule.pk)
        now = database_now()
        last = _live_run(current)
        if last is not None:
            raise AlreadyRunning(last.pk, "")
        run = _start(current, {"started_by": by.get_username() if by else ""})
        current.last_run, current.last_run_at, current.last_error = run, now, ""
        current.save(update_fields=["last_run", "last_run_at", "last_error"])
        audit.record("schedule.started", current, by=by, run=str(run.pk))
    return run


def fire_due(now: datetime | None = None) -> int:
    """Start whatever is due. Returns how many runs were started. Safe to call anywhere, at any time, by anybody."""
    moment = now or database_now()
    waiting = Schedule.objects.filter(enabled=True, next_run_at__lte=moment).order_by("next_run_at", "pk")
    return sum(_fire_if_due(pk, moment) for pk in list(waiting.values_list("pk", flat=True)[:BATCH]))


async def keep_firing() -> None:
    """Start what is due, for ever. Every worker does."""
    while True:
        try:
            await in_thread(fire_due)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("Could not look for due schedules (%r); trying again", error)
        # Workers that started together should not look together.
        await asyncio.sleep(LOOK_EVERY * (0.75 + random.random() / 2))  # noqa: S311


def _fire_if_due(pk: int, now: datetime) -> bool:
    with transaction.atomic():
        still_due = Schedule.objects.filter(pk=pk, enabled=True, next_run_at__lte=now)
        schedule = still_due.select_for_update(skip_locked=True).first()
        if schedule is None:
            return False  # another worker fires it, or has fired it
        if _is_for_others(schedule, now):
            return False
        with in_language_of(schedule.owner_id):  # who reads the run's title, and why it was not started
            return _fire(schedule, now)


def _is_for_others(schedule: Schedule, now: datetime) -> bool:
    """Is it of a task that this code does not know, and newer code may? As with runs (unknown.py), only for a while."""
    patience = timedelta(seconds=conf.TASKS_UNKNOWN_SECONDS)
    return now - (schedule.next_run_at or now) < patience and not schedulable.is_known(schedule.task)


def _fire(schedule: Schedule, now: datetime) -> bool:
    """Start one locked schedule, or say why not, and set its next time. What goes wrong stays with this schedule."""
    due_at = schedule.next_run_at or now
    changed = ["next_run_at", "last_error"]
    schedule.last_error = ""
    try:
        last = _live_run(schedule)
        if last is not None:
            raise AlreadyRunning(last.pk, "")
        with transaction.atomic():
            run = _start(schedule, {"due_at": due_at.isoformat()})
        schedule.last_run, schedule.last_run_at = run, now
        changed += ["last_run", "last_run_at"]
        started = True
    except AlreadyRunning as busy:
        schedule.skipped += 1
        changed.append("skipped")
        _say_skipped(schedule, busy)
        started = False
    except (OperationalError, InterfaceError):
        raise  # the database is away: nothing was decided
    except Exception as error:
        schedule.last_error = fit(mask_secrets(str(error) or type(error).__name__), 1000)
        logger.warning("Schedule %s could not be started: %s", schedule.pk, schedule.last_error)
        started = False
    schedule.next_run_at = _next_due(schedule, due_at, now)
    schedule.save(update_fields=changed)
    return started


def _start(schedule: Schedule, how: dict[str, Any]) -> TaskRun:
    owner = schedule.owner
    if owner is not None and not owner.is_active:
        raise BadSchedule("owner", _("The account of %(name)s is not active.") % {"name": owner.get_username()})
    return schedulable.start(
        schedule.task,
        owner=owner,
        kwargs=schedule.kwargs,
        title=schedule.name,
        topic=schedule.topic,
        metadata={"schedule": schedule.name, "schedule_id": schedule.pk, **how},
    )


def _live_run(schedule: Schedule) -> TaskRun | None:
    return None if schedule.last_run_id is None else TaskRun.objects.live().filter(pk=schedule.last_run_id).first()


def _say_skipped(schedule: Schedule, busy: AlreadyRunning) -> None:
    """A line in the timeline of the run that is in the way: one, however often it is in the way."""
    said = TaskEvent.objects.filter(run=busy.run_id, kind=TaskEvent.Kind.LOG, data__skipped_schedule=schedule.pk)
    if said.exists() or not TaskRun.objects.live().filter(pk=busy.run_id).update(seq=F("seq") + 1):
        return
    run = TaskRun.objects.get(pk=busy.run_id)
    words = SCHEDULE_SKIPPED % {"name": schedule.name}
    data = {"level": "warning", "message": fit(words, 2000), "skipped_schedule": schedule.pk}
    send_log_update(run, TaskEvent.objects.create(run=run, seq=run.seq, kind=TaskEvent.Kind.LOG, data=data))


def _first_due(schedule: Schedule, now: datetime) -> datetime:
    try:
        if schedule.interval is not None:
            return due.next_interval(now, schedule.interval, now)
        return due.next_cron(schedule.cron, schedule.zone, now)
    except (ValueError, OverflowError) as error:
        raise BadSchedule("cron", str(error)) from None


def _next_due(schedule: Schedule, due_at: datetime, now: datetime) -> datetime | None:
    """The time after `now`; None, with the reason in `last_error`, when there is none any more."""
    try:
        if schedule.interval is not None:
            return due.next_interval(due_at, schedule.interval, now)
        return due.next_cron(schedule.cron, schedule.zone, now)
    except (ValueError, OverflowError) as error:
        schedule.last_error = fit(
            _("It will not be started again until it is changed: %(error)s") % {"error": error}, 1000
        )
        return None


def checked(plan: Plan) -> dict[str, Any]:
    """The columns of `plan`. Raises BadSchedule with the field that is wrong."""
    name = fit(plan.name.strip(), 255)
    if not name:
        raise BadSchedule("name", _("A schedule needs a name."))
    if bool(plan.cron.strip()) == (plan.interval is not None):
        raise BadSchedule("cron", _("Give a cron line or an interval: one of the two."))
    if plan.interval is not None and plan.interval < SHORTEST:
        words = _("The shortest interval is %(seconds)s seconds.")
        raise BadSchedule("interval", words % {"seconds": f"{SHORTEST.total_seconds():.0f}"})
    zone, cron = plan.zone or "UTC", plan.cron.strip()
    try:
        due.check_zone(zone)
    except ValueError as error:
        raise BadSchedule("zone", str(error)) from None
    try:
        cron = due.check_cron(cron) if cron else ""
    except ValueError as error:
        raise BadSchedule("cron", str(error)) from None
    return {
        "name": name,
        "task": plan.task,
        "kwargs": schedulable.check(plan.task, plan.kwargs),
        "owner_id": plan.owner_id,
        "topic": fit(plan.topic.strip(), 200),
        "cron": cron,
        "interval": plan.interval,
        "zone": zone,
    }


def _store(schedule: Schedule, changed: list[str] | None = None) -> Schedule:
    try:
        with transaction.atomic():
            schedule.save(update_fields=changed)
    except IntegrityError as error:
        if "name" not in str(error):
            raise
        raise BadSchedule("name", _("There is a schedule of this name already.")) from None
    return schedule

"""What a person sees of a schedule: its rhythm in words, when it runs next, how its last run went."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext, pgettext

from live.numbers import grouped

from . import access, schedulable
from .access import Viewer
from .forms import UNITS
from .models import Schedule
from .presenters import NOT_SHOWN, RunView, present_runs


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleView:
    """One schedule as it is shown."""

    id: int
    name: str
    what: str
    rhythm: str
    enabled: bool
    next_run_at: datetime | None
    next_local: str
    last_run_at: datetime | None
    last_run: RunView | None
    skipped: int
    last_error: str
    owner: str
    may_change: bool
    may_switch: bool
    may_delete: bool


def present_schedules(viewer: Viewer) -> list[ScheduleView]:
    """Every schedule `viewer` may see, by name; the cost does not grow with their number."""
    shown = access.visible_schedules(viewer).select_related("owner", "last_run", "last_run__owner")
    rows = list(shown.defer(*(f"last_run__{column}" for column in NOT_SHOWN)))
    runs = present_runs([row.last_run for row in rows if row.last_run is not None], viewer)
    views, titles = {run.id: run for run in runs}, dict(schedulable.choices())
    may_change, may_delete = access.may_change_schedules(viewer), access.may_delete_schedules(viewer)
    return [
        ScheduleView(
            id=row.pk,
            name=row.name,
            what=titles.get(row.task, row.task),
            rhythm=rhythm_of(row),
            enabled=row.enabled,
            next_run_at=row.next_run_at,
            next_local=_local(row),
            last_run_at=row.last_run_at,
            last_run=views.get(str(row.last_run_id)),
            skipped=row.skipped,
            last_error=row.last_error,
            owner="" if row.owner is None or row.owner_id == viewer.pk else row.owner.get_username(),
            may_change=may_change,
            may_switch=may_change or row.owner_id == viewer.pk,
            may_delete=may_delete,
        )
        for row in rows
    ]


def rhythm_of(schedule: Schedule) -> str:
    """`Every 15 minutes`, `Every hour`, or the cron line and its zone."""
    if schedule.interval is None:
        return f"{schedule.cron} ({schedule.zone})"
    for unit, (step, _word) in UNITS.items():
        count, rest = divmod(schedule.interval, step)
        if not rest:
            return _every(unit, count)
    return gettext("Every %(duration)s") % {"duration": schedule.interval}


def _every(unit: str, count: int) -> str:
    """`Every 15 minutes`; `unit` is a key of UNITS."""
    match unit:
        case "days":
            words = ngettext("Every day", "Every %(count)s days", count)
        case "hours":
            words = ngettext("Every hour", "Every %(count)s hours", count)
        case "minutes":
            words = ngettext("Every minute", "Every %(count)s minutes", count)
        case _:
            words = ngettext("Every second", "Every %(count)s seconds", count)
    return words % {"count": grouped(count)}


def _local(schedule: Schedule) -> str:
    """When it runs next, on the wall clock that its cron line is read on."""
    if schedule.next_run_at is None:
        return ""
    try:
        zone = ZoneInfo(schedule.zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ""
    moment = date_format(schedule.next_run_at.astimezone(zone), pgettext("date format", "D j M, H:i"))
    return f"{moment} {schedule.zone}"


def count_words(schedules: Sequence[ScheduleView]) -> str:
    """`3 schedules, 1 of them off`."""
    off = sum(not one.enabled for one in schedules)
    number = len(schedules)
    words = ngettext("%(count)s schedule", "%(count)s schedules", number)
    if off:
        words = ngettext("%(count)s schedule, %(off)s of them off", "%(count)s schedules, %(off)s of them off", number)
    return words % {"count": grouped(number), "off": grouped(off)}

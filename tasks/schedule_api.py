"""`/api/background-tasks/schedules`: what the clock starts. Rules as on the pages: access.py, schedules.py."""

from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from ninja import Router, Schema
from ninja import Status as Answer
from pydantic import Field

from live.errors import ApiError, invalid
from live.frames import timestamp
from live.limits import Kind, limited

from . import access, schedules
from .api import StartedAnswer
from .exceptions import AlreadyRunning, BadSchedule
from .models import Schedule
from .schedules import Plan

router = Router(tags=["background tasks"])

type Seconds = Annotated[float, Field(gt=0, le=1_000_000_000, allow_inf_nan=False)]


class ScheduleObject(Schema):
    """A schedule. Either `cron`, read in `zone`, or `interval_seconds` is set."""

    id: int
    name: str
    task: str
    kwargs: dict[str, Any]
    owner: str | None
    topic: str
    cron: str
    interval_seconds: float | None
    zone: str
    enabled: bool
    next_run_at: str | None
    last_run_at: str | None
    last_task_id: UUID | None
    skipped: int
    last_error: str


class ScheduleListAnswer(Schema):
    """The schedules the asker may see, by name."""

    success: Literal[True] = True
    schedules: list[ScheduleObject]


class ScheduleAnswer(Schema):
    """One schedule as it stands after the request."""

    success: Literal[True] = True
    schedule: ScheduleObject


class ScheduleDeletedAnswer(Schema):
    """It is gone; its runs stay."""

    success: Literal[True] = True


class ScheduleChanges(Schema):
    """What to set; what is left out stays as it is. `owner`: a username."""

    name: str | None = None
    task: str | None = None
    kwargs: dict[str, Any] | None = None
    owner: str | None = None
    topic: str | None = None
    cron: str | None = None
    interval_seconds: Seconds | None = None
    zone: str | None = None


class NewSchedule(ScheduleChanges):
    """A schedule to be made. Without `owner` it runs for the asker."""

    name: str
    task: str


@router.get("/schedules", response=ScheduleListAnswer, summary="List schedules")
def list_schedules(request: HttpRequest) -> dict[str, Any]:
    """Those that run for the asker; every one for staff who may view schedules."""
    return {"schedules": [_object(one) for one in access.visible_schedules(request.user).select_related("owner")]}


@router.post("/schedules", response={201: ScheduleAnswer}, summary="Make a schedule")
@limited(Kind.CREATE)
def create_schedule(request: HttpRequest, new: NewSchedule) -> Any:
    """Staff who may add schedules. 422 names the field that is wrong."""
    if not access.may_add_schedules(request.user):
        raise ApiError(403, "forbidden", "Only staff who may add schedules can do this.")
    plan = _plan({"owner_id": request.user.pk, "name": "", "task": ""}, new)
    try:
        return Answer(201, {"schedule": _object(schedules.create(plan))})
    except BadSchedule as bad:
        raise _refusal(bad) from None


@router.patch("/schedules/{schedule_id}", response=ScheduleAnswer, summary="Change a schedule")
def change_schedule(request: HttpRequest, schedule_id: int, changes: ScheduleChanges) -> dict[str, Any]:
    """A new rhythm counts from now; `cron` replaces an interval, and the other way round."""
    schedule = access.get_changeable_schedule(request.user, schedule_id)
    columns = ("name", "task", "kwargs", "owner_id", "topic", "cron", "interval", "zone")
    try:
        changed = schedules.change(schedule, _plan({name: getattr(schedule, name) for name in columns}, changes))
    except BadSchedule as bad:
        raise _refusal(bad) from None
    return {"schedule": _object(changed)}


@router.delete("/schedules/{schedule_id}", response=ScheduleDeletedAnswer, summary="Delete a schedule")
def delete_schedule(request: HttpRequest, schedule_id: int) -> dict[str, Any]:
    """Its runs stay."""
    schedules.delete(access.get_deletable_schedule(request.user, schedule_id))
    return {}


@router.post("/schedules/{schedule_id}/enable", response=ScheduleAnswer, summary="Turn a schedule on")
def enable_schedule(request: HttpRequest, schedule_id: int) -> dict[str, Any]:
    """For whom it runs, and staff who may change schedules. It goes on with its next time. Twice is fine."""
    try:
        return {"schedule": _object(schedules.enable(access.get_switchable_schedule(request.user, schedule_id)))}
    except BadSchedule as bad:
        raise _refusal(bad) from None


@router.post("/schedules/{schedule_id}/disable", response=ScheduleAnswer, summary="Turn a schedule off")
def disable_schedule(request: HttpRequest, schedule_id: int) -> dict[str, Any]:
    """For whom it runs, and staff who may change schedules. A run that is under way goes on. Twice is fine."""
    return {"schedule": _object(schedules.disable(access.get_switchable_schedule(request.user, schedule_id)))}


@router.post("/schedules/{schedule_id}/run", response={202: StartedAnswer}, summary="Start a schedule now")
@limited(Kind.START)
def run_schedule(request: HttpRequest, schedule_id: int) -> Any:
    """Beside its rhythm, by whom it runs for and staff who may change schedules; 409 with the run's id while its last
    run is live."""
    schedule = access.get_switchable_schedule(request.user, schedule_id)
    try:
        run = schedules.run_now(schedule, by=request.user)  # type: ignore[arg-type]
    except AlreadyRunning as busy:
        raise ApiError(409, "already_running", str(busy), {"task_id": str(busy.run_id)}) from None
    except BadSchedule as bad:
        raise _refusal(bad) from None
    return Answer(202, {"task_id": run.pk, "message": f"Started {run.name}."})


def _plan(base: dict[str, Any], changes: ScheduleChanges) -> Plan:
    values = {**base, **{name: value for name, value in changes.dict(exclude_unset=True).items() if value is not None}}
    if (owner := values.pop("owner", None)) is not None:
        users = get_user_model()._default_manager.filter(username=owner.replace("\x00", ""), is_active=True)
        values["owner_id"] = users.values_list("pk", flat=True).first()
        if values["owner_id"] is None:
            raise invalid("owner", "There is no active user of this name.")
    if (seconds := values.pop("interval_seconds", None)) is not None:
        values["interval"] = timedelta(seconds=seconds)
        if not changes.cron:
            values["cron"] = ""
    elif changes.cron:
        values["interval"] = None
    return Plan(**values)


def _refusal(bad: BadSchedule) -> ApiError:
    return invalid("interval_seconds" if bad.field == "interval" else bad.field, str(bad))


def _object(schedule: Schedule) -> dict[str, Any]:
    return {
        "id": schedule.pk,
        "name": schedule.name,
        "task": schedule.task,
        "kwargs": schedule.kwargs,
        "owner": None if schedule.owner is None else schedule.owner.get_username(),
        "topic": schedule.topic,
        "cron": schedule.cron,
        "interval_seconds": None if schedule.interval is None else schedule.interval.total_seconds(),
        "zone": schedule.zone,
        "enabled": schedule.enabled,
        "next_run_at": None if schedule.next_run_at is None else timestamp(schedule.next_run_at),
        "last_run_at": None if schedule.last_run_at is None else timestamp(schedule.last_run_at),
        "last_task_id": schedule.last_run_id,
        "skipped": schedule.skipped,
        "last_error": schedule.last_error,
    }

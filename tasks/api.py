"""`/api/background-tasks/*`: runs over HTTP, for polling clients and programs. Shapes as in the seed, and more."""

from typing import Any, Literal
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from ninja import Status as Answer
from pydantic import Field

from live import audit
from live.errors import ApiError, invalid
from live.etags import POLLING, is_known
from live.frames import timestamp
from live.limits import Kind, limited

from . import lifecycle, manager
from .access import can_cancel, can_retry, get_visible_run, may_control
from .exceptions import AlreadyRunning, CannotRetry, TransitionRefused
from .filters import Filters
from .listing import cursor_of, newest, position_of
from .models import TaskRun
from .redaction import redact

router = Router(tags=["background tasks"])

MAX_PAGE = 100


class Summary(Schema):
    """Counts by status."""

    total: int
    running: int
    pending: int
    completed: int
    failed: int
    cancelled: int


class TaskObject(Schema):
    """A run. Times are ISO 8601 in UTC; `progress` is 0 to 100; `total_items` is null while unknown."""

    id: UUID
    name: str
    status: str
    progress: float
    processed_items: int
    total_items: int | None
    current_item: str | None
    created_at: str
    started_at: str | None
    completed_at: str | None
    result: Any
    error: str | None
    metadata: dict[str, Any]
    stage: str
    message: str
    topic: str
    attempt: int
    seq: int
    eta_seconds: int | None
    cancelling: bool
    can_cancel: bool
    can_retry: bool


class TaskAnswer(Schema):
    """One run."""

    success: Literal[True] = True
    task: TaskObject


class TaskListAnswer(Schema):
    """A page of runs, newest first, and the counts of all that the asker may see."""

    success: Literal[True] = True
    tasks: list[TaskObject]
    summary: Summary
    next_cursor: str | None


class SummaryAnswer(Schema):
    """The counts alone."""

    success: Literal[True] = True
    summary: Summary


class StartedAnswer(Schema):
    """A run was created; `task_id` is its id, its socket's job_id, and its group."""

    success: Literal[True] = True
    task_id: UUID
    message: str


class CancelAnswer(Schema):
    """The run as it stands after the request."""

    success: Literal[True] = True
    message: str
    task: TaskObject


class CleanupAnswer(Schema):
    """How many runs were deleted."""

    success: Literal[True] = True
    deleted: int


class EventObject(Schema):
    """One recorded fact of a run's life."""

    seq: int
    at: str
    kind: str
    data: dict[str, Any]


class EventsAnswer(Schema):
    """Events in order; ask again with `since` = the last seq for more."""

    success: Literal[True] = True
    events: list[EventObject]


class FilterQuery(Schema):
    """Which runs: those that fit everything that is given. Times are ISO 8601; without a zone in that of the site."""

    status: str = Field("", description="One status, or several separated by commas.")
    q: str = Field("", description="Words of the name, topic, task or arguments: each is, or begins, one; or an id.")
    name: str = Field("", description="Words of the name, or how they begin.")
    topic: str = ""
    owner: str = Field("", description="Whose: a username.")
    created_after: str = Field("", description="Created at this time or later.")
    created_before: str = Field("", description="Created before this time.")


def filters_of(asked: FilterQuery) -> Filters:
    """What was asked for; 422 that names every part which cannot be used, and why."""
    filters = Filters.of(asked.dict())
    if filters.wrong:
        summary = "; ".join(f"{field}: {sentence}" for field, sentence in filters.wrong.items())
        details = [{"field": field, "message": sentence} for field, sentence in filters.wrong.items()]
        raise ApiError(422, "invalid", summary, details)
    return filters


def task_object(run: TaskRun, viewer: Any) -> dict[str, Any]:
    """The API's task object of `run` for `viewer`."""
    data = manager.as_dict(run)
    for key in ("created_at", "started_at", "completed_at"):
        data[key] = None if data[key] is None else timestamp(data[key])
    return {**data, "can_cancel": can_cancel(viewer, run), "can_retry": can_retry(viewer, run)}


@router.get(
    "/tasks",
    response={200: TaskListAnswer, 304: None},
    summary="List runs",
    description=f"The asker's own runs, newest first; every run for staff with permission. {POLLING}",
)
def list_tasks(
    request: HttpRequest,
    response: HttpResponse,
    asked: Query[FilterQuery],
    limit: int = Query(50, ge=1, le=MAX_PAGE),
    cursor: str = Query("", description="`next_cursor` of the page before."),
) -> Any:
    """Which runs first, and what they say only if the asker does not hold that already."""
    after = None
    if cursor:
        try:
            after = position_of(cursor)
        except ValueError:
            raise invalid("cursor", "is not one that a page of this list gave out; start without it.") from None
    visible = TaskRun.objects.visible_to(request.user)
    found = newest(visible.only("created_at", "seq", "owner"), filters_of(asked), after=after, limit=limit + 1)
    more, page = len(found) > limit, found[:limit]
    summary = manager.get_task_summary(viewer=request.user)
    if is_known(request, response, [_version_of(run, request.user) for run in page], more, summary):
        return Answer(304, None)
    rows = visible.in_bulk([run.pk for run in page])
    return {
        "tasks": [task_object(rows[run.pk], request.user) for run in page if run.pk in rows],
        "summary": summary,
        "next_cursor": cursor_of(page[-1]) if more else None,
    }


@router.get(
    "/summary",
    response={200: SummaryAnswer, 304: None},
    summary="Count runs by status",
    description=f"Counts of the runs the asker may see. {POLLING}",
)
def get_summary(request: HttpRequest, response: HttpResponse) -> Any:
    """The counts are their own version."""
    summary = manager.get_task_summary(viewer=request.user)
    return Answer(304, None) if is_known(request, response, summary) else {"summary": summary}


@router.get(
    "/task/{task_id}",
    response={200: TaskAnswer, 304: None},
    summary="Show one run",
    description=f"One run. {POLLING}",
)
def get_task(request: HttpRequest, response: HttpResponse, task_id: UUID) -> Any:
    """The run as its `seq` says it stands."""
    run = get_visible_run(request.user, task_id)
    if is_known(request, response, _version_of(run, request.user)):
        return Answer(304, None)
    return {"task": task_object(run, request.user)}


@router.get("/task/{task_id}/events", response=EventsAnswer, summary="Show a run's history")
def get_events(
    request: HttpRequest, task_id: UUID, since: int = Query(0, ge=0), limit: int = Query(100, ge=1, le=1000)
) -> dict[str, Any]:
    """State changes, batches and log lines after `since`, oldest first. Tracebacks are for staff."""
    run = get_visible_run(request.user, task_id)
    is_staff = getattr(request.user, "is_staff", False)
    events = run.events.filter(seq__gt=since).order_by("seq")[:limit]
    return {
        "events": [
            {
                "seq": event.seq,
                "at": timestamp(event.at),
                "kind": event.kind,
                "data": redact(event.data if is_staff else {k: v for k, v in event.data.items() if k != "traceback"}),
            }
            for event in events
        ]
    }


@router.delete("/task/{task_id}", response=CancelAnswer, summary="Cancel a run")
@limited(Kind.CONTROL)
def cancel_task(request: HttpRequest, task_id: UUID) -> dict[str, Any]:
    """Stop a waiting run at once, or ask a running one to stop. Asking twice is fine; 409 once it has ended."""
    run = _controllable(request, task_id)
    try:
        run = lifecycle.cancel(run, by=request.user)  # type: ignore[arg-type]
    except TransitionRefused:
        run.refresh_from_db()
        raise ApiError(
            409,
            "already_finished",
            f"This run has ended: it is {run.status}.",
            {"status": run.status},
        ) from None
    message = "Cancelled." if run.is_final else "Cancelling: the run stops at its next step."
    return {"message": message, "task": task_object(run, request.user)}


@router.post("/task/{task_id}/retry", response={202: StartedAnswer}, summary="Run again")
@limited(Kind.CONTROL)
def retry_task(request: HttpRequest, task_id: UUID) -> Any:
    """A new run with the arguments of a failed or cancelled one; 409 for any other."""
    run = _controllable(request, task_id)
    try:
        again = lifecycle.retry(run, by=request.user)  # type: ignore[arg-type]
    except CannotRetry as error:
        raise ApiError(409, "cannot_retry", str(error), {"status": run.status}) from None
    except AlreadyRunning as error:
        raise ApiError(409, "already_running", str(error), {"task_id": str(error.run_id)}) from None
    return Answer(202, {"task_id": again.pk, "message": f"Started {again.name} again."})


@router.post("/cleanup", response=CleanupAnswer, summary="Delete old runs")
@limited(Kind.CONTROL)
def cleanup(
    request: HttpRequest,
    max_age_hours: float = Query(24, ge=0, le=1_000_000, allow_inf_nan=False),
    include_kept: bool = Query(False),
) -> dict[str, Any]:
    """Delete runs that ended more than `max_age_hours` ago. Staff with permission only.

    Tasks with a while of their own keep their runs for that, unless `include_kept`.
    """
    if not (request.user.is_staff and request.user.has_perm("tasks.cleanup_taskrun")):
        raise ApiError(403, "forbidden", "Only staff who may clean up can delete old runs.")
    # Before: what is deleted is deleted in many transactions, and a process may end between two.
    with transaction.atomic():
        audit.record("runs.purged", "", older_than_hours=max_age_hours, include_kept=include_kept)
    return {"deleted": manager.cleanup_old_tasks(max_age_hours, include_kept=include_kept)}


def _version_of(run: TaskRun, viewer: Any) -> tuple[str, int, bool]:
    """Changes whenever what `viewer` is shown of `run` does; the time left is worth no answer of its own."""
    return run.pk.hex, run.seq, may_control(viewer, run)


def _controllable(request: HttpRequest, task_id: UUID) -> TaskRun:
    run = get_visible_run(request.user, task_id)
    if not may_control(request.user, run):
        raise ApiError(403, "forbidden", "You may look at this run, but not change it.")
    return run

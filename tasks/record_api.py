"""`/api/background-tasks/task/{id}/logs`, `/items`, `/retry-failed`: what a run recorded, and what failed again."""

from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Query, Router, Schema
from ninja import Status as Answer

from live.errors import NO_NUL, ApiError, invalid
from live.frames import timestamp
from live.limits import Kind, limited

from . import exports, ledger, lifecycle
from .access import get_visible_run, may_control
from .api import StartedAnswer
from .exceptions import AlreadyRunning, CannotRetry
from .models import TaskEvent, TaskItem, TaskRun
from .options import options_of
from .redaction import redact
from .streaming import stream
from .timeline import lines_of

router = Router(tags=["background tasks"])

LARGEST_ID = 2**63 - 1

Label = Annotated[str, Query(max_length=ledger.MAX_LABEL, pattern=NO_NUL, description="Those with this label alone.")]


class ItemObject(Schema):
    """How one item of a run ended: `outcome` is waiting, done or failed; `label` is what the task calls that."""

    key: str
    outcome: str
    label: str
    error: str
    data: Any
    at: str


class ItemCounts(Schema):
    """How many items ended how."""

    waiting: int
    done: int
    failed: int


class ItemsAnswer(Schema):
    """A page of items in the order they were given or first told of, and the counts of all."""

    success: Literal[True] = True
    items: list[ItemObject]
    counts: ItemCounts
    next_cursor: str | None


@router.get(
    "/task/{task_id}/logs",
    summary="Download a run's log",
    openapi_extra={
        "responses": {200: {"description": "OK", "content": {"text/plain": {"schema": {"type": "string"}}}}}
    },
)
def get_logs(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Log lines and changes of state as text, oldest first: time, level, message. Further lines of a message are
    indented, so that none passes for a line of the log."""
    run = get_visible_run(request.user, task_id)
    return _download(log_text(run), f"run-{run.pk}.log", "text/plain; charset=utf-8")


@router.get("/task/{task_id}/items", response=ItemsAnswer, summary="List a run's items")
def get_items(
    request: HttpRequest,
    task_id: UUID,
    outcome: str = Query("", description="waiting, done or failed; empty for all."),
    label: Label = "",
    limit: int = Query(100, ge=1, le=1000),
    cursor: str = Query("", description="`next_cursor` of the page before."),
) -> dict[str, Any]:
    """What the run was given to do and what its function said of it, page by page, also while it goes on."""
    run = get_visible_run(request.user, task_id)
    show = _show(outcome, label)
    after = 0
    if cursor:
        if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 20 and int(cursor) <= LARGEST_ID):
            raise invalid("cursor", "is not one that a page of this list gave out; start without it.")
        after = int(cursor)
    page = list(ledger.page_of(run.pk, show=show, after=after, limit=limit + 1))
    more, page = len(page) > limit, page[:limit]
    return {
        "items": [
            {
                "key": i.key,
                "outcome": i.outcome,
                "label": i.label,
                "error": i.error,
                "data": redact(i.data),
                "at": timestamp(i.at),
            }
            for i in page
        ],
        "counts": ledger.all_counts_of(run.pk),
        "next_cursor": str(page[-1].pk) if more else None,
    }


@router.get(
    "/task/{task_id}/items.csv",
    summary="Export a run's items as CSV",
    openapi_extra={"responses": {200: {"description": "OK", "content": {"text/csv": {"schema": {"type": "string"}}}}}},
)
def export_items(request: HttpRequest, task_id: UUID, outcome: str = "", label: Label = "") -> HttpResponseBase:
    """All items, or those of an outcome or label: key, outcome, what the task's data has (else error), at.

    What looks like a formula begins with an apostrophe. Sent as it is read, whatever their number.
    """
    run = get_visible_run(request.user, task_id)
    lines = exports.as_csv(run, options_of(run.task).item_style, _show(outcome, label))
    return stream(request, lines, f"run-{run.pk}-items.csv", "text/csv; charset=utf-8")


@router.get(
    "/task/{task_id}/items.json",
    summary="Export a run's items as JSON",
    openapi_extra={
        "responses": {
            200: {
                "description": "OK",
                "content": {"application/json": {"schema": {"type": "array", "items": {"type": "object"}}}},
            }
        }
    },
)
def export_items_as_json(request: HttpRequest, task_id: UUID, outcome: str = "", label: Label = "") -> HttpResponseBase:
    """The same as a list of objects."""
    run = get_visible_run(request.user, task_id)
    lines = exports.as_json(run, options_of(run.task).item_style, _show(outcome, label))
    return stream(request, lines, f"run-{run.pk}-items.json", "application/json")


@router.post("/task/{task_id}/retry-failed", response={202: StartedAnswer}, summary="Run what failed again")
@limited(Kind.CONTROL)
def retry_failed(request: HttpRequest, task_id: UUID) -> Any:
    """A new run for the items that failed; 409 while the run is live, and when no item is known to have failed."""
    run = get_visible_run(request.user, task_id)
    if not may_control(request.user, run):
        raise ApiError(403, "forbidden", "You may look at this run, but not change it.")
    try:
        again = lifecycle.retry_failed_items(run, by=request.user)  # type: ignore[arg-type]
    except CannotRetry as error:
        raise ApiError(409, "cannot_retry", str(error), {"status": run.status}) from None
    except AlreadyRunning as error:
        raise ApiError(409, "already_running", str(error), {"task_id": str(error.run_id)}) from None
    return Answer(202, {"task_id": again.pk, "message": f"Started {again.name} for what failed."})


def log_text(run: TaskRun) -> str:
    """The log of `run` as text."""
    lines = []
    for event in run.events.exclude(kind=TaskEvent.Kind.BATCH).order_by("seq"):
        if event.kind == TaskEvent.Kind.LOG:
            level, message = str(event.data.get("level", "info")), str(event.data.get("message", ""))
        else:
            [line] = lines_of([event])
            level, message = "state", f"{line.text}: {line.note}" if line.note else line.text
        lines.append(f"{timestamp(event.at)} {level.upper():8} " + "\n    ".join(message.splitlines()) + "\n")
    return "".join(lines)


def _show(outcome: str, label: str) -> str:
    if outcome and outcome not in TaskItem.Outcome.values:
        raise invalid("outcome", f"{outcome!r} is none of {', '.join(TaskItem.Outcome.values)}.")
    if outcome and label:
        raise invalid("label", "goes without outcome: a label belongs to one.")
    return label or outcome


def _download(content: str, name: str, kind: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return HttpResponse(content, content_type=kind, headers=headers)

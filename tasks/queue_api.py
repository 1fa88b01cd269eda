"""`/api/background-tasks/queues`: which queues there are, and pausing and resuming them."""

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema

from live.errors import ApiError
from live.frames import timestamp
from live.limits import Kind, limited

from . import access, queues
from .exceptions import UnknownQueue

router = Router(tags=["background tasks"])


class QueueObject(Schema):
    """A queue. `paused_at` is null while it is not paused."""

    name: str
    waiting: int
    running: int
    paused_at: str | None
    paused_by: str


class QueueListAnswer(Schema):
    """Every queue, by name."""

    success: Literal[True] = True
    queues: list[QueueObject]


class QueueAnswer(Schema):
    """The queue as it stands after the request."""

    success: Literal[True] = True
    message: str
    queue: QueueObject


@router.get("/queues", response=QueueListAnswer, summary="List queues")
def list_queues(request: HttpRequest) -> dict[str, Any]:
    """Queues with what waits and runs in them. Staff who may view runs only."""
    if not access.sees_everything(request.user):
        raise ApiError(403, "forbidden", "Only staff who may view runs can see the queues.")
    return {"queues": [_object(queue) for queue in queues.overview()]}


@router.post("/queues/{path:name}/pause", response=QueueAnswer, summary="Pause a queue")
@limited(Kind.CONTROL)
def pause_queue(request: HttpRequest, name: str) -> dict[str, Any]:
    """Workers take nothing from it until it is resumed; what runs, runs on. Pausing twice is fine."""
    return {"message": "Paused.", "queue": _object(_change(request, name, queues.pause))}


@router.post("/queues/{path:name}/resume", response=QueueAnswer, summary="Resume a queue")
@limited(Kind.CONTROL)
def resume_queue(request: HttpRequest, name: str) -> dict[str, Any]:
    """Workers take runs from it again, in the old order. Resuming twice is fine."""
    return {"message": "Resumed.", "queue": _object(_change(request, name, queues.resume))}


def _change(request: HttpRequest, name: str, change: Any) -> queues.QueueView:
    if not access.may_control_queues(request.user):
        raise ApiError(403, "forbidden", "Only staff who may control runs can pause and resume queues.")
    try:
        changed: queues.QueueView = change(name, by=request.user)
    except UnknownQueue as error:
        raise ApiError(404, "not_found", str(error)) from None
    return changed


def _object(queue: queues.QueueView) -> dict[str, Any]:
    at = None if queue.paused_at is None else timestamp(queue.paused_at)
    return {
        "name": queue.name,
        "waiting": queue.waiting,
        "running": queue.running,
        "paused_at": at,
        "paused_by": queue.paused_by,
    }

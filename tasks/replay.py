"""What a client missed: the recorded events of a run as the frames they were, in order, and where the run stands now.

A replay ends with the truth of now, whatever it holds. Where the history cannot give everything, it gives nothing: the
client is told to forget and gets a snapshot.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import Min, QuerySet, TextField
from django.db.models.functions import Cast, Length

from live import frames
from live.frames import Frame

from .models import TaskEvent, TaskRun
from .states import FINAL, Status
from .timeline import lines_of
from .updates import frame_of, frame_of_event, frames_of

MOST_EVENTS = 500
LARGEST_REPLAY = 2 * 1024 * 1024  # characters; no more than that waits in one socket's buffer
LARGEST_SEQ = 2**63 - 1


class InvalidSince(ValueError):
    """No seq: not a whole number from 0 to 2**63 - 1."""


def parse_since(value: object) -> int:
    """`value`, of an address or a frame, as a seq. Raises InvalidSince."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 19:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_SEQ:
        return value
    raise InvalidSince


def frames_since(run_id: str, since: int) -> list[Frame]:
    """Everything after `since`, oldest first, then the present frame; `reset` and a snapshot if that is not kept."""
    # The run first: all events up to its seq were stored with it. Later ones speak of a run that this one is not yet.
    run = TaskRun.objects.get(pk=run_id)
    present = frames_of([run])
    # Kinds of a newer version, which writes beside this one during a deploy, are nothing this one could tell.
    newer = run.events.filter(seq__gt=since, seq__lte=run.seq, kind__in=TaskEvent.Kind.values).order_by("seq")
    if not _is_kept(run, since, newer):
        return [frames.reset(run.pk), *present]
    events = list(newer[:MOST_EVENTS])
    if events and events[-1].seq == run.seq and events[-1].kind == TaskEvent.Kind.STATE:
        # Where the run stands now is the frame of its last change, in the words of now.
        return [_frame(run, event) for event in events[:-1]] + present
    reached = events[-1].seq if events else since
    return [_frame(run, event) for event in events] + (present if run.seq > reached else [])


def _is_kept(run: TaskRun, since: int, newer: QuerySet[TaskEvent]) -> bool:
    oldest = run.events.aggregate(seq=Min("seq"))["seq"]
    if since > run.seq or oldest is None or (oldest > 1 and since + 1 < oldest):
        return False  # from a history that is not this one, or from before what is left of it
    sizes = newer.values_list(Length(Cast("data", TextField())), flat=True)[: MOST_EVENTS + 1]
    return len(sizes) <= MOST_EVENTS and sum(sizes) <= LARGEST_REPLAY


def _frame(run: TaskRun, event: TaskEvent) -> Frame:
    """The frame of `event` as it was sent, but for what nobody recorded."""
    if event.kind != TaskEvent.Kind.STATE:
        return frame_of_event(run, event)
    status, payload = _state(run, event)
    return frames.job_update(run.pk, seq=event.seq, status=status, payload={"name": run.name, **payload}, at=event.at)


def _state(run: TaskRun, event: TaskEvent) -> tuple[str, dict[str, Any]]:
    match event.data.get("status"):
        case Status.PENDING:
            return "pending", {"position": None, "message": _words([event])}
        case "cancelling":
            return "cancelling", {"message": "Cancelling…", "processed": run.processed_items, "total": run.total_items}
        case status if status in FINAL and status == run.status:
            told = frame_of(run)
            return str(told["status"]), {key: told[key] for key in told.keys() - {"timestamp", "seq", "status"}}
    # An attempt begins with nothing done.
    return "progress", {
        "progress": 0,
        "processed": 0,
        "total": None,
        "stage": "",
        "message": "",
        "current_item": "",
        "eta_seconds": None,
    }


def _words(events: Sequence[TaskEvent]) -> str:
    return lines_of(events)[0].text

"""What happened to a run, in sentences: its recorded events as the lines of a timeline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from .models import TaskEvent
from .states import Status
from .text import fit

LINES_SHOWN = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One entry of the timeline."""

    seq: int
    at: datetime
    kind: str
    text: str
    note: str
    tone: str


def lines_of(events: Sequence[TaskEvent]) -> list[Line]:
    """The events as lines, in the order given."""
    return [_line(event.seq, event.at, event.kind, event.data or {}) for event in events]


def line_of_frame(frame: Mapping[str, Any]) -> Line:
    """A `batch_update` or `log` frame as the line that its event will be."""
    kind = TaskEvent.Kind.BATCH if frame["status"] == "batch_update" else TaskEvent.Kind.LOG
    return _line(frame["seq"], parse_datetime(frame["timestamp"]) or timezone.now(), kind, frame)


def _line(seq: int, at: datetime, kind: str, data: Mapping[str, Any]) -> Line:
    match kind:
        case TaskEvent.Kind.STATE:
            text, note, tone = _state(data)
        case TaskEvent.Kind.BATCH:
            text, note, tone = _batch(data), "", "plain"
        case _:
            level = str(data.get("level") or "info")
            tone = {"error": "bad", "critical": "bad", "warning": "warn"}.get(level, "plain")
            text, note = fit(data.get("message") or "", 500), "" if level == "info" else level.capitalize()
    return Line(seq=seq, at=at, kind=kind, text=text, note=note, tone=tone)


def _batch(data: Mapping[str, Any]) -> str:
    completed, total = data.get("batch_completed"), data.get("total_batches")
    results = data.get("results")
    items = ""
    if isinstance(results, list) and results:
        items = ", 1 item" if len(results) == 1 else f", {len(results):,} items"
    return f"Batch {completed} of {total} done{items}" if total else f"Batch {completed} done{items}"


def _state(data: Mapping[str, Any]) -> tuple[str, str, str]:
    """Text, note and tone of a change of status."""
    by, reason = str(data.get("by") or ""), str(data.get("reason") or "")
    error = fit(data.get("error") or "", 500)
    attempt = data.get("attempt") or 1
    match data.get("status"):
        case Status.PENDING if reason == "retry":
            return f"Attempt {attempt - 1} failed; back in line", error, "warn"
        case Status.PENDING if reason == "worker lost":
            return "Its worker was lost; back in line", "", "warn"
        case Status.PENDING if reason == "shutdown":
            return "Its worker was stopped; back in line", "", "warn"
        case Status.PENDING:
            return "Queued", reason, "plain"
        case Status.RUNNING:
            return ("Started" if attempt == 1 else f"Started, attempt {attempt}"), "", "info"
        case "cancelling":
            return (f"{by} asked to cancel" if by else "Asked to cancel"), reason, "warn"
        case Status.COMPLETED:
            return "Completed", fit(data.get("message") or "", 500), "good"
        case Status.FAILED:
            return "Failed", error, "bad"
        case Status.CANCELLED:
            return (f"Cancelled by {by}" if by else "Cancelled"), reason, "plain"
    return str(data.get("status") or "Changed").capitalize(), reason, "plain"

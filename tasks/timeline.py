"""What happened to a run, in sentences: its recorded events as the lines of a timeline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from live.numbers import grouped

from .models import TaskEvent
from .sentences import said
from .states import Status
from .text import fit

LINES_SHOWN = 200
# Of log lines; of an ordinary one nothing need be said.
LEVEL_WORDS = {"debug": _("Debug"), "warning": _("Warning"), "error": _("Error"), "critical": _("Critical")}


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
            text = fit(said(data.get("message") or ""), 500)
            note = "" if level == "info" else str(LEVEL_WORDS.get(level, level.capitalize()))
    return Line(seq=seq, at=at, kind=kind, text=text, note=note, tone=tone)


def _batch(data: Mapping[str, Any]) -> str:
    completed, total = data.get("batch_completed"), data.get("total_batches")
    results = data.get("results")
    items = len(results) if isinstance(results, list) else 0
    if total and items:
        words = ngettext(
            "Batch %(number)s of %(total)s done, %(count)s item",
            "Batch %(number)s of %(total)s done, %(count)s items",
            items,
        )
    elif items:
        words = ngettext("Batch %(number)s done, %(count)s item", "Batch %(number)s done, %(count)s items", items)
    else:
        words = gettext("Batch %(number)s of %(total)s done") if total else gettext("Batch %(number)s done")
    return words % {"number": completed, "total": total, "count": grouped(items)}


def _state(data: Mapping[str, Any]) -> tuple[str, str, str]:
    """Text, note and tone of a change of status."""
    by, reason = {"name": str(data.get("by") or "")}, str(data.get("reason") or "")
    error, note = fit(said(data.get("error") or ""), 500), said(reason)
    attempt = data.get("attempt") or 1
    match data.get("status"):
        case Status.PENDING if reason == "retry":
            return gettext("Attempt %(number)s failed; back in line") % {"number": attempt - 1}, error, "warn"
        case Status.PENDING if reason == "worker lost":
            return gettext("Its worker was lost; back in line"), "", "warn"
        case Status.PENDING if reason == "shutdown":
            return gettext("Its worker was stopped; back in line"), "", "warn"
        case Status.PENDING:
            return gettext("Queued"), note, "plain"
        case Status.RUNNING:
            words = gettext("Started") if attempt == 1 else gettext("Started, attempt %(number)s")
            return words % {"number": attempt}, "", "info"
        case "cancelling":
            words = gettext("%(name)s asked to cancel") if by["name"] else gettext("Asked to cancel")
            return words % by, note, "warn"
        case Status.COMPLETED:
            return gettext("Completed"), fit(said(data.get("message") or ""), 500), "good"
        case Status.FAILED:
            return gettext("Failed"), error, "bad"
        case Status.CANCELLED:
            words = gettext("Cancelled by %(name)s") if by["name"] else gettext("Cancelled")
            return words % by, note, "plain"
    return str(data.get("status") or gettext("Changed")).capitalize(), note, "plain"

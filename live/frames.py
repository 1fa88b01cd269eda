"""Frames: what goes over a socket. One function per frame the protocol knows; docs/frames.md shows each."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone

type Frame = dict[str, Any]

# Of these only the newest matters: each carries the whole truth of its moment, in absolute values.
_REPLACEABLE_STATUSES = frozenset({"progress", "pending"})
_REPLACEABLE_TYPES = frozenset({"unread_count", "freshness"})
# These say all that a progress frame says and more: progress still waiting behind them is out of date.
_COVERS_PROGRESS = frozenset({"batch_update", "completed", "error", "cancelled"})
_LARGEST_INTEGER = 2**63
_MOST_BITS = 4096


def timestamp(at: datetime | None = None) -> str:
    """`at` (default: now) as ISO 8601 in UTC with milliseconds and `Z`."""
    at = timezone.now() if at is None else at
    if timezone.is_naive(at):
        at = at.replace(tzinfo=UTC)
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def job_update(
    job_id: UUID | str,
    *,
    seq: int,
    status: str,
    payload: Mapping[str, Any] | None = None,
    at: datetime | None = None,
) -> Frame:
    """News of one run. The envelope's own keys win over anything of the same name in `payload`."""
    envelope: Frame = {
        "type": "job_update",
        "job_id": str(job_id),
        "timestamp": timestamp(at),
        "seq": seq,
        "status": status,
    }
    return envelope | plain(payload or {}) | envelope


def direct_message(message: str, *, status: str = "connected", job_id: UUID | str | None = None) -> Frame:
    """A word to one socket alone; the first frame on every socket is one with status `connected`."""
    frame: Frame = {"type": "direct_message", "status": status}
    if job_id is not None:
        frame["job_id"] = str(job_id)
    return frame | {"message": message, "timestamp": timestamp()}


def pong() -> Frame:
    """The answer to `ping`."""
    return {"type": "pong", "timestamp": timestamp()}


def error(code: str, message: str) -> Frame:
    """What the client sent could not be used; the socket stays open."""
    return {"type": "error", "code": code, "message": message, "timestamp": timestamp()}


def status_request(task: Mapping[str, Any], *, job_id: UUID | str | None = None) -> Frame:
    """The answer to `get_status`: the run as the API shows it."""
    frame: Frame = {"type": "status_request"}
    if job_id is not None:
        frame["job_id"] = str(job_id)
    return frame | {"task": plain(task), "timestamp": timestamp()}


def subscribed(job_id: UUID | str) -> Frame:
    """From now on this socket also hears of run `job_id`."""
    return {"type": "subscribed", "job_id": str(job_id), "timestamp": timestamp()}


def unsubscribed(job_id: UUID | str) -> Frame:
    """From now on this socket no longer hears of run `job_id`."""
    return {"type": "unsubscribed", "job_id": str(job_id), "timestamp": timestamp()}


def queue(name: str, *, paused: bool) -> Frame:
    """Queue `name` was paused or goes on: what waits in it starts later, or soon."""
    return {"type": "queue", "queue": name, "paused": paused, "timestamp": timestamp()}


def freshness(*, fresh: bool, as_of: datetime) -> Frame:
    """Is everything that was told so far known to be true? If not, it was at `as_of`, and may no longer be."""
    return {"type": "freshness", "fresh": fresh, "as_of": timestamp(as_of), "timestamp": timestamp()}


def reset(job_id: UUID | str | None = None) -> Frame:
    """Frames were passed over: forget what you pieced together, a snapshot follows."""
    frame: Frame = {"type": "reset"}
    if job_id is not None:
        frame["job_id"] = str(job_id)
    return frame | {"timestamp": timestamp()}


def notification(fields: Mapping[str, Any], *, unread_count: int) -> Frame:
    """A notification has arrived; `fields` is the object the API lists."""
    return {"type": "notification", "notification": plain(fields), "unread_count": unread_count}


def unread_count(count: int) -> Frame:
    """How many notifications of this user are unread now."""
    return {"type": "unread_count", "unread_count": count}


def is_replaceable(frame: Frame) -> bool:
    """May a newer frame of the same run stand in for this one? If not, it must not be skipped."""
    return slot(frame) is not None


def slot(frame: Frame) -> str | None:
    """The place a replaceable frame takes: of two with the same slot only the newer need be sent."""
    kind = frame.get("type")
    if kind == "job_update" and frame.get("status") in _REPLACEABLE_STATUSES:
        return f"job:{frame.get('job_id')}"
    return str(kind) if kind in _REPLACEABLE_TYPES else None


def covers_progress(frame: Frame) -> bool:
    """Does this frame say everything an earlier progress frame of its run said?"""
    return frame.get("type") == "job_update" and frame.get("status") in _COVERS_PROGRESS


def encode(frame: Frame) -> str:
    """`frame` as the text that is sent. ASCII: half a surrogate pair in it cannot break a socket."""
    return json.dumps(plain(frame), separators=(",", ":"), allow_nan=False)


def plain(value: Any) -> Any:
    """`value` as something JSON, msgpack and every reader can hold.

    Times become ISO 8601 with `Z`, what is no number becomes null, sets become lists, what is unknown its
    text.
    """
    match value:
        case None | bool():
            return value
        case str():
            # str.isascii is a flag look-up; only other texts can hold half a surrogate pair.
            text = str(value)
            return text if text.isascii() else text.encode("utf-8", "replace").decode()
        case int():
            if -_LARGEST_INTEGER <= value < _LARGEST_INTEGER:
                return int(value)
            # Python refuses to write out integers of thousands of digits in decimal.
            return str(int(value)) if value.bit_length() < _MOST_BITS else hex(value)
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {str(plain(key)): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
        case datetime():
            return timestamp(value)
        case date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal():
            return plain(float(value)) if value.is_finite() else None
        case _:
            return plain(str(value))

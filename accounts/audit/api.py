"""`/api/audit/entries`: the audit trail, for staff and what collects it elsewhere."""

from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema

from accounts.models import AuditEntry
from live.errors import ApiError, invalid
from live.frames import timestamp

from .listing import Filters, find, may_read, position_of

router = Router(tags=["audit"])

MAX_PAGE = 200


class EntryQuery(Schema):
    """Which entries: those that fit everything that is given. Times are ISO 8601."""

    who: str = Query("", description="A username, as it was then.")
    action: str = Query("", description="Such as `run.cancelled`; or a sort, such as `schedule`.")
    thing: str = Query("", description="What it was done to: `topic:5`, or an id alone.")
    address: str = Query("", description="An IP address.")
    since: str = ""
    until: str = ""


class EntryObject(Schema):
    """Something that was done. `changes`: before and now, by field; secrets are asterisks."""

    id: int
    at: str
    action: str
    who: str
    who_id: int | None
    account_id: int | None
    thing: str
    thing_name: str
    changes: dict[str, list[Any]]
    details: dict[str, Any]
    via: str
    address: str | None
    session_id: int | None
    token_id: int | None
    credential: str
    request_id: str
    run_id: UUID | None


class EntriesAnswer(Schema):
    """A page of entries, newest first."""

    success: Literal[True] = True
    entries: list[EntryObject]
    next_cursor: str | None


@router.get("/entries", response=EntriesAnswer, summary="List what was done")
def list_entries(
    request: HttpRequest,
    asked: Query[EntryQuery],
    limit: int = Query(50, ge=1, le=MAX_PAGE),
    cursor: str = Query("", max_length=200, description="`next_cursor` of the page before."),
) -> dict[str, Any]:
    """Newest first. Staff who may view audit entries only."""
    if not may_read(request.user):
        raise ApiError(403, "forbidden", "Only staff who may view audit entries can read the audit trail.")
    filters = Filters.of(asked.dict())
    for field, sentence in filters.wrong.items():
        raise invalid(field, sentence)
    try:
        after = position_of(cursor) if cursor else None
    except ValueError:
        raise invalid("cursor", "is not one that a page of this list gave out; start without it.") from None
    entries, next_cursor = find(filters, limit=limit, after=after)
    return {"entries": [_object(entry) for entry in entries], "next_cursor": next_cursor or None}


def _object(entry: AuditEntry) -> dict[str, Any]:
    same = (
        "id",
        "action",
        "account_id",
        "thing_name",
        "changes",
        "details",
        "via",
        "address",
        "session_id",
        "token_id",
    )
    return {
        **{name: getattr(entry, name) for name in (*same, "credential", "request_id", "run_id")},
        "at": timestamp(entry.at),
        "who": entry.actor_name,
        "who_id": entry.actor_id,
        "thing": entry.thing_id,
    }

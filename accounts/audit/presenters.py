"""What the pages show of an entry."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import AuditEntry

from .words import words_of

ASKED = {AuditEntry.Via.PAGE, AuditEntry.Via.API, AuditEntry.Via.ADMIN}  # ways of a request


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A field that was changed (`before` and `now`), or something else that is known (`now` alone)."""

    name: str
    before: str
    now: str
    is_change: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryView:
    """One entry. `by_owner`: whose account it is about did it; `by_nobody`: somebody did who was not signed in."""

    words: str
    at: datetime
    who: str
    by_owner: bool
    by_nobody: bool
    thing_id: str
    thing_name: str
    via: str
    credential: str
    address: str
    request_id: str
    rows: list[Row]
    same_thing_url: str
    run_url: str


def present(entry: AuditEntry) -> EntryView:
    """`entry`, for people."""
    changes = [
        Row(name=name, before=_said(change[0]), now=_said(change[1]), is_change=True)
        for name, change in entry.changes.items()
    ]
    sort = entry.action.partition(".")[0]
    details = [Row(name=name, before="", now=_said(value), is_change=False) for name, value in entry.details.items()]
    return EntryView(
        words=words_of(entry.action),
        at=entry.at,
        who=entry.actor_name,
        by_owner=entry.actor_id is not None and entry.actor_id == entry.account_id,
        by_nobody=entry.actor_id is None and entry.via in ASKED,
        thing_id=entry.thing_id,
        thing_name=entry.thing_name or entry.thing_id,
        via=entry.get_via_display(),
        credential=entry.credential,
        address=entry.address or "",
        request_id=entry.request_id,
        rows=changes + details,
        same_thing_url=f"{reverse('audit-list')}?{urlencode({'thing': f'{sort}:{entry.thing_id}'})}",
        run_url="" if entry.run_id is None else reverse("tasks:detail", args=[entry.run_id]),
    )


def _said(value: Any) -> str:
    if value in (None, "", [], {}):
        return _("nothing")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

"""The list of entries, newest first, a page at a time, at a cost that does not grow with the trail."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import AuditEntry, AuditEntryQuerySet, is_address
from live import cursors
from live.moments import in_utc
from tasks.asked import Asked

from .presenters import EntryView, present
from .words import ACTIONS

KEYS = ("who", "action", "thing", "address", "since", "until")
LATELY = 20  # entries on the page of a person's sessions

type Position = tuple[datetime, int]


def may_read(user: User | AnonymousUser) -> bool:
    """Staff who may view entries."""
    return bool(
        user.is_authenticated and user.is_active and user.is_staff and user.has_perm("accounts.view_auditentry")
    )


def lately_about(user: User) -> list[EntryView]:
    """What was done with the account of `user`, newest first: not what they did otherwise."""
    return [present(entry) for entry in AuditEntry.objects.about(user.pk).order_by("-at", "-id")[:LATELY]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """Which entries: those that fit everything that is asked. `wrong`: what of it cannot be used, and why."""

    asked: dict[str, str]
    wrong: dict[str, str]
    since: datetime | None
    until: datetime | None

    @classmethod
    def of(cls, query: Mapping[str, Any]) -> "Filters":
        """Of an address, or a call. Keys that are none of ours are left alone."""
        reader = Asked(query, KEYS, thing=_("entry"))
        for key in ("who", "thing", "action"):
            reader.text(key)
        address = reader.values["address"]
        if address and not is_address(address):
            reader.wrong["address"] = _("is no IP address.")
        since, until = reader.moment("since"), reader.moment("until")
        asked = {key: value for key, value in reader.values.items() if value}
        return cls(asked=asked, wrong=reader.wrong, since=since, until=until)

    def select(self) -> AuditEntryQuerySet:
        """The entries, newest first; none when something is wrong."""
        if self.wrong:
            return AuditEntry.objects.none()
        found = AuditEntry.objects.order_by("-at", "-id")
        if who := self.asked.get("who"):
            found = found.filter(actor_name=who)
        if action := self.asked.get("action"):
            found = found.filter(action__in=_all_of(action))
        if thing := self.asked.get("thing"):
            sort, _colon, key = thing.rpartition(":")
            found = found.filter(thing_id=key, **({"action__in": _all_of(sort)} if sort else {}))
        if address := self.asked.get("address"):
            found = found.filter(address=str(ip_address(address)))
        if self.since is not None:
            found = found.filter(at__gte=self.since)
        return found if self.until is None else found.filter(at__lt=self.until)


def _all_of(action: str) -> list[str]:
    """The action itself; of a sort, such as `schedule`, all that is done to things of it."""
    return [one for one in ACTIONS if one.partition(".")[0] == action] or [action]


def find(filters: Filters, *, limit: int, after: Position | None = None) -> tuple[list[AuditEntry], str]:
    """Up to `limit` entries from behind `after` on, and the cursor of the page behind them, "" if there is none."""
    found = filters.select()
    if after is not None:
        at, pk = after
        found = found.filter(at__lte=at).filter(Q(at__lt=at) | Q(pk__lt=pk))
    rows = list(found[: limit + 1])
    return rows[:limit], cursor_of(rows[limit - 1]) if len(rows) > limit else ""


def cursor_of(entry: AuditEntry) -> str:
    """Where the page after `entry` begins, as a text for addresses."""
    return cursors.encode(entry.at.isoformat(), entry.pk)


def position_of(cursor: str) -> Position:
    """What `cursor_of` said. Raises ValueError for anything else."""
    try:
        moment, key = cursors.decode(cursor)
        at, pk = in_utc(datetime.fromisoformat(moment)), int(key)
    except OverflowError as error:
        raise ValueError(str(error)) from None
    if not 0 < pk < 2**63:
        raise ValueError(cursor)
    return at, pk

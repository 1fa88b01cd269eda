"""Writes entries: what `live/audit.py` is told, with who asks, from where, and by which session or token."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest

from accounts.lockout import address_of
from accounts.models import AuditEntry, UserSession, is_address
from live import audit
from live.audit import Deed
from live.frames import plain
from tasks import correlation
from tasks.redaction import HIDDEN, is_secret, redact
from tasks.text import fit, storable

LONGEST_TEXT = 2000  # of one value, before it is cut


def keep(deed: Deed) -> None:
    """One entry, in the transaction of the deed. Raises RuntimeError outside one: it might be kept of what is not."""
    if not connection.in_atomic_block:
        raise RuntimeError(f"{deed.action} is recorded outside the transaction in which it is done.")
    write(deed)


def write(deed: Deed) -> AuditEntry:
    """One entry."""
    request = audit.request()
    by: Any = deed.by or _who_asks(request)
    details, run = dict(deed.details), correlation.run_id()
    thing_id, thing_name = _named(deed.thing)
    return AuditEntry.objects.create(
        action=deed.action,
        actor_id=by.pk if by is not None else None,
        actor_name=by.get_username() if by is not None else "",
        account_id=deed.about,
        thing_id=thing_id,
        thing_name=thing_name,
        changes={name: _shown_change(name, *change) for name, change in deed.changes.items()},
        details=_shown({name: value for name, value in details.items() if value not in (None, "", [], {})}),
        request_id=correlation.request_id(),
        run_id=UUID(run) if run else None,
        **_from_where(request),
    )


def _who_asks(request: HttpRequest | None) -> User | None:
    user = getattr(request, "user", None)
    return user if user is not None and user.is_authenticated else None


def _from_where(request: HttpRequest | None) -> dict[str, Any]:
    if request is None:
        return {"via": AuditEntry.Via.RUN if correlation.run_id() else AuditEntry.Via.TERMINAL}
    address = address_of(request)
    where: dict[str, Any] = {"address": address if is_address(address) else None, "via": AuditEntry.Via.PAGE}
    token = getattr(request, "api_token", None)
    if token is not None:
        return {**where, "via": AuditEntry.Via.API, "token_id": token.pk, "credential": fit(token.name, 100)}
    if request.path_info.startswith("/api/"):
        where["via"] = AuditEntry.Via.API
    elif request.path_info.startswith("/admin/"):
        where["via"] = AuditEntry.Via.ADMIN
    key = getattr(getattr(request, "session", None), "session_key", None)
    session = UserSession.objects.filter(session_id=key).first() if key else None
    if session is not None:
        where |= {"session_id": session.pk, "credential": fit(session.device, 100)}
    return where


def _named(thing: Any) -> tuple[str, str]:
    """Its id, and what it is called now: it may be called otherwise later, or be gone."""
    if isinstance(thing, str):
        return fit(thing, 64), fit(thing, 255)
    name = thing.get_username() if isinstance(thing, User) else getattr(thing, "name", "") or str(thing)
    return fit(thing.pk or "", 64), fit(redact(name), 255)


def _shown_change(name: str, before: Any, now: Any) -> list[Any]:
    """Both; of a secret only whether there was and is one."""
    return [HIDDEN if is_secret(name, value) else _shown(value) for value in (before, now)]


def _shown(value: Any) -> Any:
    return _cut(redact(storable(plain(value))))


def _cut(value: Any) -> Any:
    match value:
        case str():
            return fit(value, LONGEST_TEXT)
        case dict():
            return {key: _cut(item) for key, item in value.items()}
        case list():
            return [_cut(item) for item in value]
    return value

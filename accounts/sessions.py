"""Where a person is signed in: noted as they go, shown to them, ended by them."""

from datetime import timedelta
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware

from live import audit
from live.middleware import Handler
from live.signals import access_changed

from .models import UserSession

NOTED_EVERY = timedelta(minutes=5)  # per process


def sessions_of(user: User) -> QuerySet[UserSession]:
    """Those that are open, the one used last first."""
    return UserSession.objects.filter(user=user, session__expire_date__gt=timezone.now()).order_by("-last_seen_at")


def end(user: User, session_id: int) -> bool:
    """Whoever has it is signed out, and its sockets are closed. False: it is not `user`'s, or has ended."""
    return _end(user, sessions_of(user).filter(pk=session_id))


def end_others(user: User, session_key: str) -> bool:
    """All of `user`'s but the one of that key. False: there are none."""
    return _end(user, sessions_of(user).exclude(session_id=session_key))


def _end(user: User, which: QuerySet[UserSession]) -> bool:
    with transaction.atomic():
        ending = list(which.select_for_update())
        Session.objects.filter(pk__in=[one.session_id for one in ending]).delete()
        for one in ending:
            audit.record("session.ended", one, about=user.pk)
        if ending:
            access_changed()
    return bool(ending)


# Noting


@sync_and_async_middleware
def session_middleware(get_response: Handler) -> Handler:
    """Notes when each session was used last; not at every request, and never at the price of one."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponseBase:
            response = await get_response(request)
            await sync_to_async(_note)(request)
            return response

        return later

    def at_once(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        _note(request)
        return response  # type: ignore[return-value]

    return at_once


def connect() -> None:
    """Sessions are noted from the beginning."""
    user_logged_in.connect(_signed_in, dispatch_uid="accounts-signed-in")


def _signed_in(*, request: HttpRequest, **kwargs: Any) -> None:
    _note(request)


def _note(request: HttpRequest) -> None:
    session = request.session
    # Of a session that nobody looked at, nothing is to be said that would be worth reading it.
    key = session.session_key if session.accessed else None
    if not key or SESSION_KEY not in session:
        return
    if cache.add(f"accounts.session.{key}", True, NOTED_EVERY.total_seconds()):
        agent = request.headers.get("User-Agent", "")[:300].replace("\x00", "")
        seen = {"user_id": int(session[SESSION_KEY]), "agent": agent, "last_seen_at": timezone.now()}
        try:
            with transaction.atomic():
                UserSession.objects.update_or_create(session_id=key, defaults=seen)
        except DatabaseError:
            pass  # the session has just been ended elsewhere, or the database is away

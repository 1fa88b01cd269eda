"""Is who opened a socket still who they were? Asked of the database for all sockets of a process at once.

`scope["user"]` is fixed when the socket opens and survives logout, a new password and deactivation.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from . import tokens

_IN_DATABASE = {"django.contrib.sessions.backends.db", "django.contrib.sessions.backends.cached_db"}
_IN_COOKIE = "django.contrib.sessions.backends.signed_cookies"


@dataclass(frozen=True, slots=True)
class Credentials:
    """By what a socket was let in."""

    user_pk: int
    session_key: str
    auth_hash: str  # changes with the user's password
    token: str = ""  # the key of the token, for who came with one instead of a session


def credentials_of(user: AbstractBaseUser, session: Any) -> Credentials:
    """What the socket of `user`, opened with `session`, is let in by."""
    if session is None:
        return Credentials(user.pk, "", "")
    return Credentials(user.pk, session.session_key or "", session.get(HASH_SESSION_KEY, ""))


def withdrawn(everyone: Collection[Credentials]) -> set[Credentials]:
    """Those of these credentials that no longer let anybody in. Two or three queries, however many there are."""
    users = get_user_model()._default_manager.filter(pk__in={one.user_pk for one in everyone}, is_active=True)
    by_pk: dict[Any, AbstractBaseUser] = {user.pk: user for user in users.only("pk", "password")}
    sessions = _live_sessions({one.session_key for one in everyone if one.session_key})
    valid = tokens.still_valid({one.token for one in everyone if one.token})
    return {
        one
        for one in everyone
        if (user := by_pk.get(one.user_pk)) is None
        or (one.token and one.token not in valid)
        or (one.session_key and one.session_key not in sessions)
        or (one.auth_hash and not _same_password(user, one.auth_hash))
    }


def _live_sessions(keys: Collection[str]) -> Collection[str]:
    if settings.SESSION_ENGINE in _IN_DATABASE:
        from django.contrib.sessions.models import Session

        rows = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
        return set(rows.values_list("session_key", flat=True))
    if settings.SESSION_ENGINE == _IN_COOKIE:
        # Nothing on the server could tell that such a session has ended.
        return keys
    store = import_module(settings.SESSION_ENGINE).SessionStore
    return {key for key in keys if store().exists(key)}


def _same_password(user: AbstractBaseUser, auth_hash: str) -> bool:
    return any(constant_time_compare(auth_hash, known) for known in _hashes(_Account(user)))


class _Account:
    """A user as key of a cache: another password, another key."""

    def __init__(self, user: AbstractBaseUser) -> None:
        self.user = user

    def __hash__(self) -> int:
        return hash((self.user.pk, self.user.password))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Account) and (self.user.pk, self.user.password) == (
            other.user.pk,
            other.user.password,
        )


@lru_cache(maxsize=10_000)
def _hashes(account: _Account) -> tuple[str, ...]:
    fallbacks: Iterable[str] = account.user.get_session_auth_fallback_hash()
    return (account.user.get_session_auth_hash(), *fallbacks)

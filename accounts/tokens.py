"""API tokens: made, known again, revoked."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from live import audit
from live.closing import FORBIDDEN, NOT_SIGNED_IN, Refused
from live.signals import access_changed
from live.tokens import Bearer

from .models import ApiToken, ApiTokenQuerySet
from .scopes import Scope, allows

PREFIX = "spt_"  # by which a token that lies about is known for what it is
MOST = 50  # tokens of one user that are valid at a time
USE_NOTED_EVERY = timedelta(minutes=1)
ENDED_SHOWN_FOR = timedelta(days=30)


class TooManyTokens(Exception):
    """The user has as many valid tokens as one may."""


def create(user: User, *, name: str, scopes: Collection[Scope], expires_at: datetime | None) -> tuple[ApiToken, str]:
    """A new token of `user`'s, and what it says: nobody can read that again. Raises TooManyTokens."""
    secret = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        User.objects.select_for_update().only("pk").get(pk=user.pk)  # two at once do not both take the last place
        if ApiToken.objects.valid().filter(user=user).count() >= MOST:
            raise TooManyTokens
        token = ApiToken.objects.create(
            user=user,
            name=name,
            digest=_digest(secret),
            beginning=secret[: len(PREFIX) + 4],
            scopes=sorted(Scope(scope) for scope in scopes),
            expires_at=expires_at,
        )
        audit.record("token.created", token, about=user.pk, scopes=token.scopes, expires_at=expires_at)
    return token, secret


def revoke(user: User, token_id: int) -> bool:
    """The token lets nobody in any more, and its sockets are closed. False: it is not the user's, or was revoked."""
    return bool(_revoke(user, ApiToken.objects.filter(pk=token_id, user=user, revoked_at=None)))


def revoke_all(user: User) -> int:
    """The same for every valid token of `user`'s. Returns how many."""
    return _revoke(user, ApiToken.objects.valid().filter(user=user))


def _revoke(user: User, which: ApiTokenQuerySet) -> int:
    with transaction.atomic():
        ending = list(which.select_for_update(of=["self"]))
        ApiToken.objects.filter(pk__in=[token.pk for token in ending]).update(revoked_at=timezone.now())
        for token in ending:
            audit.record("token.revoked", token, about=user.pk)
        if ending:
            access_changed()
    return len(ending)


def find(secret: str) -> ApiToken | None:
    """The valid token that says this, with its user; its use is noted."""
    token = ApiToken.objects.valid().select_related("user").filter(digest=_digest(secret)).first()
    if token is not None:
        _note_use(token)
    return token


def tokens_of(user: User) -> tuple[ApiTokenQuerySet, ApiTokenQuerySet]:
    """Those that are valid, and those that lately were, newest first."""
    theirs = ApiToken.objects.filter(user=user).order_by("-id")
    lately = timezone.now() - ENDED_SHOWN_FOR
    ended = theirs.filter(Q(revoked_at__gt=lately) | Q(expires_at__range=(lately, timezone.now())))
    return theirs.valid(), ended


# For sockets: live/tokens.py


def admit(secret: str, path: str) -> Bearer:
    """Who opens the socket at `path` with this token. Raises Refused."""
    token = find(secret)
    if token is None:
        raise Refused(NOT_SIGNED_IN, "This token is unknown, has expired, or was revoked")
    if not allows(token.scopes, "GET", path):
        raise Refused(FORBIDDEN, "This token does not have the scope for it")
    return Bearer(token.user, str(token.pk))


def still_valid(keys: Collection[str]) -> set[str]:
    """Those of these tokens that are valid. One query."""
    return {str(pk) for pk in ApiToken.objects.valid().filter(pk__in=keys).values_list("pk", flat=True)}


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _note_use(token: ApiToken) -> None:
    """To the minute: not every request is worth a write."""
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at >= USE_NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)

"""What is done with accounts: signing in and failing to, being locked out, passwords, and what administrators change.

Signing in is no transaction of ours, and nobody is to be kept out because it could not be written down: of that alone,
trouble is logged and no more. Accounts are changed in many places, some of Django's own: so the rows are watched.
"""

import logging
from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.models import Group, User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import DatabaseError, transaction
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.http import HttpRequest

from live.audit import Deed

from .recorder import write

logger = logging.getLogger(__name__)

WATCHED = ("username", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser")


def connect() -> None:
    """Listen."""
    for signal, receiver, sender in (
        (user_logged_in, _signed_in, None),
        (user_logged_out, _signed_out, None),
        (user_login_failed, _failed, None),
        (user_locked_out, _locked_out, None),
        (pre_save, _about_to_save, User),
        (post_save, _saved, User),
        (post_delete, _deleted, User),
        (m2m_changed, _joined, User.groups.through),
        (m2m_changed, _joined, User.user_permissions.through),
        (m2m_changed, _joined, Group.permissions.through),
    ):
        signal.connect(receiver, sender=sender, dispatch_uid=f"audit-{receiver.__name__}-{sender}")


# Signing in


def _signed_in(*, user: User, **kwargs: Any) -> None:
    _try(Deed(action="account.signed_in", thing=user, by=user, about=user.pk))


def _signed_out(*, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        _try(Deed(action="account.signed_out", thing=user, by=user, about=user.pk))


def _failed(*, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    # What was refused was not tried. Of the attempt that locked somebody out axes has counted the failure.
    if not getattr(request, "axes_locked_out", False) or getattr(request, "axes_failures_since_start", None):
        _try(_of_a_name("account.sign_in_failed", credentials.get("username")))


def _locked_out(*, request: HttpRequest, username: str | None = None, **kwargs: Any) -> None:
    # Told again at each attempt while it lasts: the first is the one that was still counted.
    if getattr(request, "axes_failures_since_start", None):
        _try(_of_a_name("account.locked_out", username))


def _of_a_name(action: str, name: Any) -> Deed:
    """Of a name that nobody has not even the name is kept: some type their password there."""
    user = User.objects.filter(username=str(name or "").replace("\x00", "")).first()
    return Deed(action=action, thing=user or "", about=user.pk if user else None)


def _try(deed: Deed) -> None:
    try:
        with transaction.atomic():
            write(deed)
    except DatabaseError as trouble:
        logger.error("Not in the audit trail: %s (%r)", deed.action, trouble)


# Accounts


def _about_to_save(*, instance: User, raw: bool, update_fields: Any = None, **kwargs: Any) -> None:
    # Signing in saves `last_login` alone, and may hash a password anew that stays what it was.
    alone = set(update_fields or ()) <= {"last_login"} and update_fields is not None
    watched = None if raw or alone or instance.pk is None else User.objects.filter(pk=instance.pk).values(*WATCHED)
    instance._audit_before = watched.first() if watched is not None else None  # type: ignore[attr-defined]


def _saved(*, instance: User, created: bool, raw: bool, **kwargs: Any) -> None:
    if raw:
        return
    before: dict[str, Any] | None = instance.__dict__.pop("_audit_before", None)
    if created:
        write(Deed(action="account.created", thing=instance, about=instance.pk))
    elif before is not None:
        now = {name: getattr(instance, name) for name in WATCHED}
        changes = {name: (before[name], now[name]) for name in WATCHED if before[name] != now[name]}
        if changes:
            write(Deed(action="account.changed", thing=instance, about=instance.pk, changes=changes))
        # Django holds a new password here from when it is set until it is saved, and none while it renews a hash.
        if instance._password is not None:  # type: ignore[attr-defined]
            write(Deed(action="account.password_changed", thing=instance, about=instance.pk))


def _deleted(*, instance: User, **kwargs: Any) -> None:
    write(Deed(action="account.deleted", thing=instance, about=instance.pk))


def _joined(*, instance: Any, action: str, model: Any, pk_set: set[int] | None, **kwargs: Any) -> None:
    verb = {"post_add": "added", "post_remove": "removed", "pre_clear": "cleared"}.get(action)
    if verb is None or (verb != "cleared" and not pk_set):
        return
    names = [str(one) for one in model._default_manager.filter(pk__in=sorted(pk_set or ())[:50])]
    about = instance.pk if isinstance(instance, User) else None
    sort = "account" if isinstance(instance, User) else "group"
    what = model._meta.model_name
    write(Deed(action=f"{sort}.rights_changed", thing=instance, about=about, details={f"{what}s_{verb}": names}))

"""Reading and changing what a person wants to be told, and how."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from live import audit

from .models import NotificationPreferences
from .models.preferences import new_secret
from .policy import when_to_tell
from .types import CHOICES, Channel, NotificationType, When, known

if TYPE_CHECKING:
    from django.contrib.auth.models import User

CHANGEABLE = ("time_zone", "language", "quiet_from", "quiet_until", "daily_at", "webhook_url")


def preferences_of(user: "User") -> NotificationPreferences:
    """What `user` has said; an unsaved row of defaults if nothing."""
    return NotificationPreferences.objects.filter(pk=user.pk).first() or NotificationPreferences(user=user)


def save_preferences(
    user: "User", *, chosen: Mapping[str, Mapping[str, str]] | None = None, **changes: Any
) -> NotificationPreferences:
    """Change what is given, of `chosen` (type → channel → when) and CHANGEABLE; the rest stays.

    A webhook's first address comes with a secret to sign by. Raises ValidationError, by field; then nothing changes.
    """
    with transaction.atomic():
        known, _made = NotificationPreferences.objects.get_or_create(user=user)
        with audit.changing("preferences.changed", known, *CHANGEABLE, "chosen", about=user.pk):
            row = _save(user, chosen, changes)
    return row


def _save(
    user: "User", chosen: Mapping[str, Mapping[str, str]] | None, changes: Mapping[str, Any]
) -> NotificationPreferences:
    row = NotificationPreferences.objects.select_for_update(of=["self"]).get(pk=user.pk)
    if chosen is not None:
        row.chosen = _checked(chosen, row.chosen)
    for name in CHANGEABLE:
        if name in changes:
            setattr(row, name, changes[name])
    if (row.quiet_from is None) != (row.quiet_until is None):
        raise ValidationError({"quiet_until": _("Quiet hours have a beginning and an end: give both, or neither.")})
    if row.webhook_url and not row.webhook_secret:
        row.webhook_secret = new_secret()
    row.full_clean()
    row.save()
    return row


def renew_secret(user: "User") -> str:
    """Another secret for the webhook of `user`; what is signed with the old one counts no more."""
    secret = new_secret()
    with transaction.atomic():
        NotificationPreferences.objects.filter(pk=user.pk).update(webhook_secret=secret)
        audit.record("preferences.secret_renewed", user, about=user.pk)
    return secret


def effective(row: NotificationPreferences) -> list[tuple[NotificationType, dict[Channel, When]]]:
    """For every known type, how soon each channel hears of it."""
    return [(kind, {channel: when_to_tell(kind.name, channel, row.habits) for channel in Channel}) for kind in known()]


def _checked(chosen: Mapping[str, Mapping[str, str]], before: Any) -> dict[str, dict[str, str]]:
    types = {kind.name: kind for kind in known()}
    merged = {name: dict(channels) for name, channels in dict(before or {}).items()}
    for name, channels in chosen.items():
        if name not in types:
            raise ValidationError({"chosen": _("There is no type of notification “%(name)s”.") % {"name": name[:50]}})
        for channel, when in channels.items():
            if channel not in Channel.values or when not in CHOICES[Channel(channel)]:
                raise ValidationError(
                    {
                        "chosen": _("“%(choice)s” is no choice for “%(name)s”.")
                        % {"choice": f"{channel[:20]}: {when[:20]}", "name": name}
                    }
                )
            if types[name].is_required and channel == Channel.IN_APP and when == When.NEVER:
                raise ValidationError(
                    {"chosen": _("“%(name)s” always rings: it is too important to miss.") % {"name": types[name].label}}
                )
            merged.setdefault(name, {})[channel] = when
    return merged

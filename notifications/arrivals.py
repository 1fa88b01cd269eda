"""How one notification gets into its table: as a row of its own, or as one more of what is unread already.

Counted on an unread one is news with the same dedupe key, and, in a storm, news of the same type: thirty in ten minutes
are read by nobody, so from there on one of them says how many there were. Each is still told to open pages, and none is
lost: `occurrences` adds up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import connection
from django.utils import translation
from django.utils.translation import gettext as _

from . import deliveries
from .models import Notification, NotificationDetails
from .recipients import Recipient
from .repeating import raise_repeated
from .types import in_words

KEY_MAX_LENGTH = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A notification that is not stored yet. Its texts fit; its link is a path on this site."""

    type: str
    title: str
    message: str
    link: str | None = None
    severity: str = ""
    dedupe_key: str = ""
    expires_at: datetime | None = None


def store(draft: Draft, recipient: Recipient | None) -> Notification:
    """Store `draft` for `recipient`, with None for everyone, and plan what leaves the house.

    In a transaction of the caller's.
    """
    if recipient is None:
        broadcast = _create(draft, None, key="")
        deliveries.plan_for_all(broadcast)
        return broadcast
    if deliveries.is_silenced(draft.type, recipient):
        # It rings no bell, but stands in the list for whoever looks.
        notification = _create(draft, recipient.username, key="", read=True)
    elif draft.dedupe_key:
        notification = _repeat(draft, recipient, key=f"{recipient.pk}:{draft.dedupe_key[:KEY_MAX_LENGTH]}")
    elif recipient.is_flooded:
        notification = _repeat(_folded(draft, recipient), recipient, key=f"{recipient.pk}:storm:{draft.type}")
    else:
        notification = _create(draft, recipient.username, key="")
    deliveries.plan(notification, recipient)
    return notification


def store_for_each(draft: Draft, recipients: Sequence[Recipient]) -> list[Notification]:
    """The same for many at once, each with a row of their own, in the order given."""
    rows = [
        Notification(
            user_id=one.username,
            type=draft.type,
            title=draft.title,
            message=draft.message,
            link=draft.link,
            read=deliveries.is_silenced(draft.type, one),
        )
        for one in recipients
    ]
    created = Notification.objects.bulk_create(rows, batch_size=1000)
    details = {row.pk: _details(row, draft, key="") for row in created}
    NotificationDetails.objects.bulk_create([one for one in details.values() if one is not None], batch_size=1000)
    for row in created:
        row.more = details[row.pk]
    deliveries.plan_many(zip(created, recipients, strict=True))
    return created


def _repeat(draft: Draft, recipient: Recipient, *, key: str) -> Notification:
    with connection.cursor() as cursor:
        # Two with one key at once would both find nothing to count on.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
    return raise_repeated(draft, key) or _create(draft, recipient.username, key=key)


def _create(draft: Draft, username: str | None, *, key: str, read: bool = False) -> Notification:
    made = Notification.objects.create(
        user_id=username, type=draft.type, title=draft.title, message=draft.message, link=draft.link, read=read
    )
    made.more = _details(made, draft, key=key)
    if made.more is not None:
        made.more.save(force_insert=True)
    return made


def _details(made: Notification, draft: Draft, *, key: str) -> NotificationDetails | None:
    """What `made` says beyond its columns, not stored yet; None if nothing."""
    if not (draft.severity or draft.expires_at or key):
        return None
    return NotificationDetails(
        notification=made,
        severity=draft.severity,
        dedupe_key=key,
        first_at=made.created_at,
        expires_at=draft.expires_at,
    )


def _folded(draft: Draft, recipient: Recipient) -> Draft:
    """What stands for many of one type, in the language of who reads it."""
    with translation.override(recipient.language):
        return replace(
            draft,
            title=_("Many at once: %(type)s") % {"type": in_words(draft.type)},
            message=_("The newest: %(title)s") % {"title": draft.title},
        )

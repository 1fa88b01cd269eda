"""The door to notifications: the functions of the seed's database facade, with their names.

Plain synchronous functions. Whatever changes what a user sees is published once it is committed.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group as UserGroup
from django.db import IntegrityError, transaction
from django.db.models import Q, Subquery
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from django.utils.text import Truncator

from . import links
from .arrivals import KEY_MAX_LENGTH, Draft, store, store_for_each
from .counting import unread_count_of
from .models import Notification, NotificationReceipt, Severity
from .news import publish_arrival, publish_count
from .paging import Page, page_for
from .recipients import Recipient, recipient_named, recipients_among
from .removal import delete_for_all
from .signals import notification_told

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.db.models import QuerySet

TYPE_MAX_LENGTH = 50
TITLE_MAX_LENGTH = 255
MESSAGE_MAX_LENGTH = 10_000


class UnknownRecipient(LookupError):
    """There is no user of that name."""


def create_notification(
    *,
    username: str | None,
    type: str,
    title: str,
    message: str,
    link: str | None = None,
    severity: str = "",
    dedupe_key: str = "",
    expires_at: datetime | None = None,
) -> Notification:
    """Notify one user, or with `username=None` everyone who has an account now.

    While a notification with the same `dedupe_key` is unread by this user, it is that one which rises, says the newest
    and counts its `occurrences`; a broadcast has no such key. A flood of one type is counted on one as well (arrivals).
    After `expires_at` it is taken away, read or not. `severity` is one of models.Severity.

    Texts that are too long are cut, characters the database cannot hold are dropped: news of a run must not
    fail over its wording. Raises UnknownRecipient, and links.LinkRefused for a link that is no path on this
    site; an open transaction stays usable after either.
    """
    if dedupe_key and username is None:
        raise ValueError("A broadcast is told once: everyone reads it alone, so there is nothing to count on.")
    draft = _draft(
        type=type,
        title=title,
        message=message,
        link=link,
        severity=severity,
        dedupe_key=dedupe_key,
        expires_at=expires_at,
    )
    recipient = None
    if username is not None and (recipient := recipient_named(username, draft.type)) is None:
        raise UnknownRecipient(username)
    try:
        with transaction.atomic():
            notification = store(draft, recipient)
    except IntegrityError as error:
        # Deleted or renamed since we looked.
        raise UnknownRecipient(username) from error
    _publish(notification, recipient)
    return notification


def create_notifications(
    *,
    usernames: Iterable[str],
    type: str,
    title: str,
    message: str,
    link: str | None = None,
    severity: str = "",
    expires_at: datetime | None = None,
) -> list[Notification]:
    """Notify each of these users with a row of their own; names without a user are passed over."""
    draft = _draft(type=type, title=title, message=message, link=link, severity=severity, expires_at=expires_at)
    with transaction.atomic():
        users = get_user_model()._default_manager.filter(username__in=list(usernames)).order_by("pk")
        # Locked until the rows are in: nobody is renamed or deleted in between.
        recipients = recipients_among(list(users.select_for_update(no_key=True).values_list("pk", flat=True)))
        created = store_for_each(draft, recipients)
        for notification, recipient in zip(created, recipients, strict=True):
            _publish(notification, recipient)
    return created


def notify_group(group: UserGroup, **told: Any) -> list[Notification]:
    """Notify every active member of a group of users, as create_notifications does."""
    members = get_user_model()._default_manager.filter(groups=group, is_active=True)
    return create_notifications(usernames=members.values_list("username", flat=True), **told)


def withdraw_notifications(notifications: "QuerySet[Notification]") -> int:
    """Take these back from everyone, read or not; letters and webhooks that wait are not sent. Says how many."""
    return delete_for_all(notifications)


def get_user_notifications(
    user: "User",
    *,
    unread_only: bool = False,
    type: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page:
    """A page of what `user` may see, newest first; `read` on each row is this user's own.

    Raises paging.BadCursor.
    """
    return page_for(user, unread_only=unread_only, type=type, limit=limit, cursor=cursor)


def get_unread_count(user: "User") -> int:
    """How many notifications `user` has not read. One query."""
    return unread_count_of(user)


def mark_notification_as_read(id: int, user: "User") -> bool:
    """Mark it read for `user` alone. False if it does not exist or is not theirs; twice is fine."""
    return _set_read(id, user, read=True)


def mark_notification_as_unread(id: int, user: "User") -> bool:
    """Mark it unread for `user` alone. False if it does not exist or is not theirs; twice is fine."""
    return _set_read(id, user, read=False)


def mark_all_notifications_as_read(user: "User", up_to: int | datetime | None = None) -> int:
    """Mark everything read that `user` had when they asked; returns how many that were.

    `up_to` is the id or the time of the newest notification the user has seen: what came after stays unread.
    Without it everything visible at this moment is meant.
    """
    seen = Q()
    if isinstance(up_to, datetime):
        seen = Q(created_at__lte=up_to)
    elif up_to is not None:
        # A repeated one has an old id and a new time: what rose after the newest they saw, they have not seen.
        newest_seen = Notification.objects.filter(pk=up_to).values("created_at")[:1]
        seen = Q(pk__lte=up_to, created_at__lte=Coalesce(Subquery(newest_seen), Now()))
    with transaction.atomic():
        count = Notification.objects.own(user).unread().filter(seen).update(read=True)
        broadcasts = Notification.objects.unread_broadcasts_for(user).filter(seen).order_by()
        count += _keep_receipts(broadcasts.values_list("pk", flat=True), user, "read_at")
        if count:
            publish_count(user.pk)
    return count


def delete_notification(id: int, user: "User") -> bool:
    """Their own is deleted, a broadcast dismissed for `user` alone.

    False if it does not exist or is not theirs.
    """
    with transaction.atomic():
        if not Notification.objects.own(user).filter(pk=id).delete()[0]:
            broadcast = Notification.objects.broadcasts_for(user).filter(pk=id).order_by()
            if not _keep_receipts(broadcast.values_list("pk", flat=True), user, "dismissed_at"):
                return False
        publish_count(user.pk)
    return True


def delete_read_notifications(user: "User") -> int:
    """Delete or dismiss everything `user` has read; returns how many that were."""
    with transaction.atomic():
        count = Notification.objects.own(user).filter(read=True).delete()[0]
        receipts = NotificationReceipt.objects.filter(user_id=user.pk, dismissed_at=None)
        count += receipts.exclude(read_at=None).update(dismissed_at=timezone.now())
        if count:
            publish_count(user.pk)
    return count


def _publish(notification: Notification, recipient: Recipient | None) -> None:
    # One that is read already was silenced by its reader.
    if not notification.read:
        publish_arrival(notification, recipient.pk if recipient else None)
        told = partial(notification_told.send_robust, sender=Notification, type=notification.type)
        transaction.on_commit(told, robust=True)


def _set_read(id: int, user: "User", *, read: bool) -> bool:
    with transaction.atomic():
        own = Notification.objects.own(user).filter(pk=id)
        changed = own.filter(read=not read).update(read=read)
        if not changed and not own.exists():
            broadcast = Notification.objects.broadcasts_for(user).filter(pk=id).order_by()
            if not broadcast.exists():
                return False
            if read:
                changed = _keep_receipts(broadcast.values_list("pk", flat=True), user, "read_at")
            else:
                receipts = NotificationReceipt.objects.filter(notification=id, user_id=user.pk)
                changed = receipts.exclude(read_at=None).update(read_at=None)
        if changed:
            publish_count(user.pk)
    return True


def _keep_receipts(broadcasts: "QuerySet[Notification, int]", user: "User", field: str) -> int:
    """Note in `field` that `user` has settled these broadcasts now; returns how many."""
    now = timezone.now()
    receipts = [NotificationReceipt(notification_id=pk, user_id=user.pk, **{field: now}) for pk in broadcasts]
    # A second tab of the same user may be doing the same.
    NotificationReceipt.objects.bulk_create(
        receipts,
        update_conflicts=True,
        unique_fields=["user", "notification"],
        update_fields=[field],
        batch_size=1000,
    )
    return len(receipts)


def _draft(
    *,
    type: str,
    title: str,
    message: str,
    link: str | None,
    severity: str,
    expires_at: datetime | None,
    dedupe_key: str = "",
) -> Draft:
    if severity and severity not in Severity.values:
        raise ValueError(f"A severity is one of {', '.join(Severity.values)}.")
    return Draft(
        type=_text(type, TYPE_MAX_LENGTH),
        title=_text(title, TITLE_MAX_LENGTH),
        message=_text(message, MESSAGE_MAX_LENGTH),
        link=links.checked(link),
        severity=severity,
        dedupe_key=_text(dedupe_key, KEY_MAX_LENGTH),
        expires_at=expires_at,
    )


def _text(text: str, max_length: int) -> str:
    """`text` without what Postgres cannot hold (NUL, half a surrogate pair), cut with an ellipsis."""
    return Truncator(text.replace("\0", "").encode("utf-8", "replace").decode()).chars(max_length)

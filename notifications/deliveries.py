"""What leaves the house: planned with the notification, in its transaction; taken up by one worker when it is due."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from .models import Notification, NotificationDelivery, NotificationReceipt
from .policy import due_at, when_to_tell
from .recipients import Recipient, everybody, recipients_among
from .signals import delivery_moved
from .types import Channel, When, type_named

State = NotificationDelivery.State

REPEAT_AFTER = timedelta(hours=1)  # news that repeats goes out again no sooner
LEASE = timedelta(minutes=5)  # whoever took a delivery up and died, had this long
MOST_ATTEMPTS = 8
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
CHUNK = 1000


def is_silenced(type: str, recipient: Recipient) -> bool:
    """Has this person said that their bell shall not ring for `type`?"""
    return when_to_tell(type, Channel.IN_APP, recipient.habits) == When.NEVER


def plan(notification: Notification, recipient: Recipient) -> None:
    """Note what of `notification` this person wants outside the site, and when."""
    wanted = _wanted(notification, [recipient])
    if wanted and notification.occurrences > 1:
        wanted = [one for one in wanted if not _told_lately(one)]
    NotificationDelivery.objects.bulk_create(wanted)


def plan_for_all(notification: Notification) -> None:
    """The same of a broadcast, for everyone who wants it."""
    pks = everybody()
    for start in range(0, len(pks), CHUNK):
        plan_many([(notification, one) for one in recipients_among(pks[start : start + CHUNK])])


def plan_many(pairs: Iterable[tuple[Notification, Recipient]]) -> None:
    """The same for many notifications, each for one person."""
    wanted = [one for notification, recipient in pairs for one in _wanted(notification, [recipient])]
    NotificationDelivery.objects.bulk_create(wanted, batch_size=CHUNK)


def _wanted(notification: Notification, recipients: Sequence[Recipient]) -> list[NotificationDelivery]:
    now, kind = timezone.now(), type_named(notification.type)
    wanted = []
    for recipient in recipients:
        for channel, address in ((Channel.EMAIL, recipient.email), (Channel.WEBHOOK, recipient.webhook_url)):
            due = due_at(when_to_tell(notification.type, channel, recipient.habits), kind, recipient.habits, now)
            if due is not None and address:
                wanted.append(
                    NotificationDelivery(
                        notification=notification,
                        user_id=recipient.pk,
                        channel=channel,
                        title=notification.title,
                        even_if_read=is_silenced(notification.type, recipient),
                        due_at=due,
                    )
                )
    return wanted


def _told_lately(wanted: NotificationDelivery) -> bool:
    """Is the same news already on its way, or was it sent so lately that another would be a nuisance?"""
    before = NotificationDelivery.objects.filter(
        notification=wanted.notification, user_id=wanted.user_id, channel=wanted.channel
    )
    return (
        before.filter(state=State.WAITING).exists()
        or before.filter(created_at__gte=timezone.now() - REPEAT_AFTER).exists()
    )


def take_due(channel: Channel, *, limit: int) -> list[NotificationDelivery]:
    """Up to `limit` due deliveries of one person, taken up for LEASE: nobody else takes them meanwhile."""
    now = timezone.now()
    with transaction.atomic():
        due = NotificationDelivery.objects.filter(state=State.WAITING, channel=channel, due_at__lte=now)
        free = due.select_for_update(of=["self"], skip_locked=True).order_by("due_at", "id")
        first = free.first()
        if first is None:
            return []
        rows = list(free.filter(user_id=first.user_id).order_by("id").select_related("notification", "user")[:limit])
        NotificationDelivery.objects.filter(pk__in=[row.pk for row in rows]).update(due_at=now + LEASE)
    return rows


def skip_settled(rows: Sequence[NotificationDelivery]) -> list[NotificationDelivery]:
    """Those that still have something to tell; of the others it is noted why not."""
    broadcasts = [row.notification for row in rows if row.notification is not None and row.notification.is_broadcast]
    receipts = NotificationReceipt.objects.filter(
        notification__in=broadcasts, user_id__in={row.user_id for row in rows}
    )
    settled = {(one.notification_id, one.user_id) for one in receipts if one.read_at or one.dismissed_at}
    left = []
    for row in rows:
        if row.notification is None:
            end([row], State.SKIPPED, _("It was dismissed before."))
        elif not row.even_if_read and (row.notification.read or (row.notification_id, row.user_id) in settled):
            end([row], State.SKIPPED, _("It was read before."))
        else:
            left.append(row)
    return left


def end(rows: Sequence[NotificationDelivery], state: str, outcome: str = "") -> None:
    """These are done with, for good."""
    waiting = NotificationDelivery.objects.filter(pk__in=[row.pk for row in rows], state=State.WAITING)
    waiting.update(state=state, outcome=outcome[:300], ended_at=timezone.now())
    _say(rows, state)


def postpone(rows: Sequence[NotificationDelivery], trouble: str) -> None:
    """These could not be sent: later, longer each time, and after MOST_ATTEMPTS no more."""
    for row in rows:
        attempts = row.attempts + 1
        if attempts >= MOST_ATTEMPTS:
            end([row], State.FAILED, trouble)
            NotificationDelivery.objects.filter(pk=row.pk).update(attempts=attempts)
            continue
        pause = min(FIRST_PAUSE * 2 ** (attempts - 1), LONGEST_PAUSE)
        NotificationDelivery.objects.filter(pk=row.pk, state=State.WAITING).update(
            attempts=attempts, due_at=timezone.now() + pause, outcome=trouble[:300]
        )
        _say([row], "postponed")


def _say(rows: Sequence[NotificationDelivery], state: str) -> None:
    for channel, number in Counter(row.channel for row in rows).items():
        delivery_moved.send_robust(sender=NotificationDelivery, channel=channel, state=str(state), number=number)

"""The list of a user's notifications, newest first, a page at a time.

Rows come in one query, both counts in another, and what few rows say beyond their columns in a third.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Least

from live import cursors

from .counting import UNREAD_CAP, SubqueryCount
from .models import Notification, NotificationDetails, NotificationQuerySet, NotificationReceipt

if TYPE_CHECKING:
    from django.contrib.auth.models import User

LARGEST_PAGE = 100
COUNT_CAP = 1000  # counting what matches stops there: the number means "so many or more"


class BadCursor(ValueError):
    """This is not the `next_cursor` of an earlier page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Some notifications of one user, newest first. On each, `read` says whether this user has read it."""

    notifications: list[Notification]
    count: int  # all that match, on every page together; COUNT_CAP means that or more
    unread_count: int  # UNREAD_CAP means that or more
    next_cursor: str | None


def page_for(
    user: "User",
    *,
    unread_only: bool = False,
    type: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page:
    """Up to `limit` (1-100) notifications after `cursor`. Raises BadCursor."""
    limit = max(1, min(limit, LARGEST_PAGE))
    own, broadcasts = _parts(user, unread_only=unread_only, type=type)
    after = Q() if cursor is None else _after(cursor)
    # Each part reads its own index in order and stops at the page's end; an OR would read and sort
    # everything.
    read = NotificationReceipt.objects.filter(notification=OuterRef("pk"), user_id=user.pk, read_at__isnull=False)
    newest_first = ("-created_at", "-id")
    own_rows = own.filter(after).annotate(read_by_user=F("read")).order_by(*newest_first)
    broadcast_rows = broadcasts.filter(after).annotate(read_by_user=Exists(read)).order_by(*newest_first)
    merged = own_rows[: limit + 1].union(broadcast_rows[: limit + 1], all=True).order_by(*newest_first)
    rows = list(merged[: limit + 1])
    count, unread_count = _counts(user, own, broadcasts)
    details = NotificationDetails.objects.in_bulk([row.pk for row in rows])
    for row in rows:
        row.read = row.read_by_user
        row.more = details.get(row.pk)
    return Page(
        notifications=list[Notification](rows[:limit]),
        count=count,
        unread_count=unread_count,
        next_cursor=_cursor(rows[limit - 1]) if len(rows) > limit else None,
    )


def _parts(user: "User", *, unread_only: bool, type: str | None) -> tuple[NotificationQuerySet, NotificationQuerySet]:
    """What is addressed to `user` by name, and to everyone."""
    own = Notification.objects.own(user)
    broadcasts = Notification.objects.broadcasts_for(user)
    if unread_only:
        own, broadcasts = own.unread(), Notification.objects.unread_broadcasts_for(user)
    if type is not None:
        own, broadcasts = own.filter(type=type), broadcasts.filter(type=type)
    return own, broadcasts


def _counts(user: "User", own: NotificationQuerySet, broadcasts: NotificationQuerySet) -> tuple[int, int]:
    """How many match, and how many of all are unread."""
    unread = _parts(user, unread_only=True, type=None)
    counted = get_user_model()._default_manager.filter(pk=user.pk)
    counted = counted.annotate(of_list=_sum(own, broadcasts, COUNT_CAP), unread=_sum(*unread, UNREAD_CAP))
    return counted.values_list("of_list", "unread").first() or (0, 0)


def _sum(own: NotificationQuerySet, broadcasts: NotificationQuerySet, cap: int) -> Least:
    both = [SubqueryCount(part.order_by().values("pk")[:cap]) for part in (own, broadcasts)]
    return Least(both[0] + both[1], cap)


def _cursor(row: Notification) -> str:
    """Where the next page begins, as text that means nothing to a client."""
    return cursors.encode(row.created_at.isoformat(), row.pk)


def _after(cursor: str) -> Q:
    """Rows after the one the cursor was made of."""
    try:
        moment, pk = cursors.decode(cursor)
        created_at, last = datetime.fromisoformat(moment), int(pk)
        if created_at.tzinfo is None or not pk.isascii() or last >= 2**31:
            raise BadCursor(cursor)
    except (ValueError, OverflowError) as trouble:
        raise BadCursor("This cursor was not given out by us.") from trouble
    return Q(created_at__lt=created_at) | Q(created_at=created_at, id__lt=last)

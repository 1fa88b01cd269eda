"""How many notifications are unread: one query however many users are asked about, at a cost that does not grow.

Nobody reads a number of five digits on a bell, and counting 100,000 rows for it would cost more than the page. So it
stops at UNREAD_CAP: that number means "so many or more".
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db.models import Exists, F, IntegerField, OuterRef, Subquery
from django.db.models.functions import Least

from .models import Notification, NotificationReceipt

if TYPE_CHECKING:
    from django.contrib.auth.models import User


UNREAD_CAP = 100


class SubqueryCount(Subquery):
    """The number of rows of a query, as a column of another."""

    template = "(SELECT count(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


def unread_count_of(user: "User") -> int:
    """How many notifications `user` has not read, UNREAD_CAP at most: their own, and broadcasts since they joined."""
    own = Notification.objects.own(user).unread().order_by().values("pk")[:UNREAD_CAP]
    broadcasts = Notification.objects.unread_broadcasts_for(user).order_by().values("pk")[:UNREAD_CAP]
    return min(UNREAD_CAP, own.union(broadcasts, all=True).count())


def unread_counts(user_pks: Iterable[int]) -> dict[int, int]:
    """The unread count of each of these users, UNREAD_CAP at most, in one query. Unknown users are left out."""
    own = Notification.objects.filter(user_id=OuterRef("username"), read=False).order_by().values("pk")
    settled = NotificationReceipt.objects.filter(notification=OuterRef("pk"), user_id=OuterRef(OuterRef("pk"))).exclude(
        read_at=None, dismissed_at=None
    )
    broadcasts = (
        Notification.objects.broadcasts()
        .filter(~Exists(settled), created_at__gte=OuterRef("date_joined"))
        .order_by()
        .values("pk")
    )
    users = get_user_model()._default_manager.filter(pk__in=list(user_pks))
    counted = users.annotate(own=SubqueryCount(own[:UNREAD_CAP]), broadcast=SubqueryCount(broadcasts[:UNREAD_CAP]))
    unread = Least(F("own") + F("broadcast"), UNREAD_CAP)
    return dict(counted.annotate(unread=unread).values_list("pk", "unread"))

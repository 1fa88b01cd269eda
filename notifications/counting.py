"""How many notifications are unread: one query however many users are asked about."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db.models import Exists, F, IntegerField, OuterRef, Subquery

from .models import Notification, NotificationReceipt

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class SubqueryCount(Subquery):
    """The number of rows of a query, as a column of another."""

    template = "(SELECT count(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


def unread_count_of(user: "User") -> int:
    """How many notifications `user` has not read: their own, and broadcasts since they joined. One query."""
    own = Notification.objects.own(user).unread().order_by().values("pk")
    broadcasts = Notification.objects.unread_broadcasts_for(user).order_by().values("pk")
    return own.union(broadcasts, all=True).count()


def unread_counts(user_pks: Iterable[int]) -> dict[int, int]:
    """The unread count of each of these users, in one query. Unknown users are left out."""
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
    counted = users.annotate(own=SubqueryCount(own), broadcast=SubqueryCount(broadcasts))
    return dict(counted.annotate(unread=F("own") + F("broadcast")).values_list("pk", "unread"))

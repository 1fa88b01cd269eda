"""Who is notified, and what has to be known of them before: one visit to the database."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import OuterRef
from django.utils import timezone

from .counting import SubqueryCount
from .models import Notification

STORM_WINDOW = timedelta(minutes=10)
STORM_LIMIT = 30  # of one type for one person within the window; what comes beyond is counted on one (storms)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipient:
    """One person about to be notified. `is_flooded`: they had very many of this type just now."""

    pk: int
    username: str
    is_flooded: bool = False


def recipient_named(username: str, type: str) -> Recipient | None:
    """The person of that name, about to hear of `type`; None if there is nobody."""
    limit = getattr(settings, "NOTIFICATIONS_STORM_LIMIT", STORM_LIMIT)
    recent = Notification.objects.filter(
        user_id=OuterRef("username"), type=type, created_at__gte=timezone.now() - STORM_WINDOW
    ).order_by()
    users = get_user_model()._default_manager.filter(username=username)
    found = users.annotate(recent=SubqueryCount(recent.values("pk")[:limit])).values_list("pk", "username", "recent")
    return next((Recipient(pk=pk, username=name, is_flooded=many >= limit) for pk, name, many in found), None)

"""Who is notified, and what has to be known of them before: one visit to the database."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db.models import OuterRef, Q
from django.utils import timezone

from live.languages import spoken

from .conf import conf
from .counting import SubqueryCount
from .models import Notification
from .policy import Habits

if TYPE_CHECKING:
    from django.contrib.auth.models import User

STORM_WINDOW = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipient:
    """One person about to be notified, in `language`. `is_flooded`: they had very many of this type just now."""

    pk: int
    username: str
    email: str = ""
    webhook_url: str = ""
    habits: Habits = field(default_factory=Habits)
    language: str = field(default_factory=partial(spoken, ""))
    is_flooded: bool = False


def recipient_named(username: str, type: str) -> Recipient | None:
    """The person of that name, about to hear of `type`; None if there is nobody."""
    limit = conf.NOTIFICATIONS_STORM_LIMIT
    recent = Notification.objects.filter(
        user_id=OuterRef("username"), type=type, created_at__gte=timezone.now() - STORM_WINDOW
    ).order_by()
    users = get_user_model()._default_manager.filter(username=username).select_related("notification_preferences")
    user = users.annotate(recent=SubqueryCount(recent.values("pk")[:limit])).first()
    return _recipient(user, is_flooded=user.recent >= limit) if user is not None else None


def name_and_language(pk: int) -> tuple[str, str] | None:
    """The user's name, and the language to write to them in; None if there is no such user."""
    model = get_user_model()
    users = model._default_manager.filter(pk=pk)
    found = users.values_list(model.USERNAME_FIELD, "notification_preferences__language").first()
    return (found[0], spoken(found[1] or "")) if found is not None else None


def recipients_among(pks: Collection[int]) -> list[Recipient]:
    """These users, by primary key."""
    users = get_user_model()._default_manager.filter(pk__in=pks).select_related("notification_preferences")
    return [_recipient(user) for user in users.order_by("pk")]


def everybody() -> list[int]:
    """The primary keys of the active users a broadcast might reach outside this site."""
    users = get_user_model()._default_manager.filter(is_active=True)
    return list(
        users.filter(~Q(email="") | ~Q(notification_preferences=None)).order_by("pk").values_list("pk", flat=True)
    )


def _recipient(user: "User", *, is_flooded: bool = False) -> Recipient:
    preferences = getattr(user, "notification_preferences", None)
    return Recipient(
        pk=user.pk,
        username=user.get_username(),
        email=user.email if user.is_active else "",
        webhook_url=preferences.webhook_url if preferences is not None and user.is_active else "",
        habits=preferences.habits if preferences is not None else Habits(),
        language=spoken(preferences.language if preferences is not None else ""),
        is_flooded=is_flooded,
    )

"""How deliveries stand, in numbers that cost what waits and ended lately, not what is kept: for whoever measures."""

from datetime import timedelta

from django.db.models import Count
from django.db.models.functions import Now

from .models import NotificationDelivery

State = NotificationDelivery.State


def waiting_deliveries() -> dict[str, int]:
    """How many letters and webhooks wait, by channel."""
    rows = NotificationDelivery.objects.filter(state=State.WAITING).order_by().values_list("channel")
    return dict(rows.annotate(Count("pk")))


def ended_deliveries(within: timedelta) -> list[tuple[str, str, int]]:
    """Channel, state and how many, of those that ended `within` this time."""
    rows = NotificationDelivery.objects.filter(ended_at__gt=Now() - within).order_by()
    return list(rows.values_list("channel", "state").annotate(Count("pk")))

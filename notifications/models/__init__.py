"""Notifications, who has read which broadcast, and what is known of the few that say more."""

from .details import NotificationDetails, Severity
from .messages import CurrentTimestamp, Notification, NotificationQuerySet, NotificationReceipt

__all__ = [
    "CurrentTimestamp",
    "Notification",
    "NotificationDetails",
    "NotificationQuerySet",
    "NotificationReceipt",
    "Severity",
]

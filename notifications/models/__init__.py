"""Notifications, who has read which, what people want to hear of, and what is on its way to them."""

from .deliveries import NotificationDelivery
from .details import NotificationDetails, Severity
from .messages import CurrentTimestamp, Notification, NotificationQuerySet, NotificationReceipt
from .names import name_columns
from .preferences import NotificationPreferences

__all__ = [
    "CurrentTimestamp",
    "Notification",
    "NotificationDelivery",
    "NotificationDetails",
    "NotificationPreferences",
    "NotificationQuerySet",
    "NotificationReceipt",
    "Severity",
]

name_columns()

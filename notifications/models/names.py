"""What people call these models and their columns, as the admin shows them.

Said once the models are made, and not in them: what a column is called is no part of the schema, and in a model every
such word would be a migration.
"""

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .deliveries import NotificationDelivery
from .details import NotificationDetails
from .messages import Notification, NotificationReceipt
from .preferences import NotificationPreferences

COLUMNS: Mapping[str, Any] = {
    "notification": _("notification"),
    "user": _("user"),
    "type": _("type"),
    "title": _("title"),
    "message": _("message"),
    "link": _("link"),
    "read": pgettext_lazy("of a notification", "read"),
    "created_at": pgettext_lazy("of a notification", "created at"),
    "read_at": _("read at"),
    "dismissed_at": _("dismissed at"),
    "severity": _("severity"),
    "dedupe_key": _("dedupe key"),
    "occurrences": _("occurrences"),
    "first_at": _("first at"),
    "expires_at": _("expires at"),
    "channel": _("channel"),
    "even_if_read": _("even if read"),
    "state": _("state"),
    "due_at": _("due at"),
    "attempts": _("attempts"),
    "ended_at": _("ended at"),
    "outcome": _("outcome"),
    "chosen": _("chosen"),
    "time_zone": _("time zone"),
    "language": _("language"),
    "quiet_from": _("quiet from"),
    "quiet_until": _("quiet until"),
    "daily_at": _("daily at"),
    "webhook_url": _("webhook url"),
    "webhook_secret": _("webhook secret"),
}
MODELS: Mapping[type[models.Model], tuple[Any, Any]] = {
    Notification: (_("notification"), _("notifications")),
    NotificationReceipt: (_("notification receipt"), _("notification receipts")),
    NotificationDelivery: (_("notification delivery"), _("notification deliveries")),
    NotificationDetails: (_("notification details"), _("notification details")),
    NotificationPreferences: (_("notification preferences"), _("notification preferences")),
}


def name_columns() -> None:
    """Give the models and their columns their names."""
    for model, (one, many) in MODELS.items():
        model._meta.verbose_name, model._meta.verbose_name_plural = one, many
        for column in model._meta.concrete_fields:
            if column.name in COLUMNS:
                column.verbose_name = COLUMNS[column.name]

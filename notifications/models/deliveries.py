"""What goes out of the house: letters and webhooks, one row for each notification, person and channel."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, Index, Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from notifications.types import Channel

from .messages import Notification


class NotificationDelivery(models.Model):
    """One attempt to reach one person outside this site, and its log."""

    class State(models.TextChoices):
        """How far it has come. Everything but WAITING is final."""

        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        SKIPPED = "skipped", _("Not needed")
        FAILED = "failed", _("Failed")

    notification = models.ForeignKey(Notification, on_delete=models.SET_NULL, null=True, related_name="deliveries")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notification_deliveries")
    channel = models.CharField(
        max_length=7, choices=[(one.value, one.label) for one in (Channel.EMAIL, Channel.WEBHOOK)]
    )
    title = models.CharField(max_length=255, help_text=_("Of the notification, which may be gone by now."))
    even_if_read = models.BooleanField(default=False, help_text=_("Its bell was silenced: nobody has read it there."))
    state = models.CharField(max_length=7, choices=State, default=State.WAITING)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(help_text=_("Not before. Moved on while somebody is at it, and after a failure."))
    attempts = models.PositiveSmallIntegerField(default=0)
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=300, blank=True, default="", help_text=_("Why it was not needed, or failed."))

    if TYPE_CHECKING:
        notification_id: int | None
        user_id: int

    class Meta:
        db_table = "notification_deliveries"
        verbose_name_plural = "notification deliveries"
        ordering = ["-id"]
        constraints = [
            CheckConstraint(
                condition=Q(ended_at=None) ^ ~Q(state="waiting"), name="notification_delivery_ended_iff_final"
            ),
        ]
        indexes = [
            # What is due next, person by person.
            Index(fields=["channel", "due_at"], condition=Q(state="waiting"), name="notification_delivery_due"),
            Index(fields=["user", "channel", "due_at"], condition=Q(state="waiting"), name="notification_delivery_for"),
            # The log of one person, newest first.
            Index(fields=["user", "-id"], name="notification_delivery_log"),
            # What the upkeep deletes.
            Index(fields=["ended_at"], condition=Q(ended_at__isnull=False), name="notification_delivery_old"),
        ]

    def __str__(self) -> str:
        return gettext("%(channel)s to %(user)s: %(title)s") % {
            "channel": self.get_channel_display(),
            "user": self.user_id,
            "title": self.title,
        }

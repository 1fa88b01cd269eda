"""What some notifications say beyond the drawn columns. Beside their table, not in it: most have nothing to add."""

from django.db import models
from django.db.models import CheckConstraint, Index, Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .messages import Notification


class Severity(models.TextChoices):
    """How much it matters. Without one, the type's name says how things went."""

    INFO = "info", _("Information")
    SUCCESS = "success", _("Success")
    WARNING = "warning", _("Warning")
    ERROR = "error", _("Error")


class NotificationDetails(models.Model):
    """Severity, repetition and end of one notification."""

    notification = models.OneToOneField(
        Notification, on_delete=models.CASCADE, primary_key=True, related_name="details"
    )
    severity = models.CharField(max_length=7, choices=Severity, blank=True, default="")
    dedupe_key = models.CharField(
        max_length=250,
        blank=True,
        default="",
        help_text=_("While it is unread, the same news again is counted here instead of told anew."),
    )
    occurrences = models.PositiveIntegerField(default=1, help_text=_("How often it was told; the newest words stand."))
    first_at = models.DateTimeField(default=timezone.now, help_text=_("When it was told first."))
    expires_at = models.DateTimeField(null=True, blank=True, help_text=_("Of no interest to anybody afterwards."))

    class Meta:
        db_table = "notification_details"
        verbose_name_plural = "notification details"
        constraints = [
            CheckConstraint(condition=Q(occurrences__gte=1), name="notification_told_at_least_once"),
            CheckConstraint(condition=Q(severity__in=["", *Severity.values]), name="notification_severity_known"),
        ]
        indexes = [
            # The one that a repetition raises.
            Index(fields=["dedupe_key", "-notification"], condition=~Q(dedupe_key=""), name="notification_dedupe"),
            # What the upkeep takes away next.
            Index(fields=["expires_at"], condition=Q(expires_at__isnull=False), name="notification_expiry"),
        ]

    def __str__(self) -> str:
        return gettext("details of %(id)s") % {"id": self.pk}

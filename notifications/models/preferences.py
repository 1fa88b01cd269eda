"""What one person has said about being told."""

import base64
import secrets
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, URLValidator
from django.db import models
from django.db.models import CheckConstraint, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from live.languages import is_spoken
from notifications.policy import Habits

SECRET_PREFIX = "whsec_"  # noqa: S105 - the mark of the format, no secret


def check_time_zone(name: str) -> None:
    """Raises ValidationError for a zone that this machine does not know."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise ValidationError(
            _("There is no time zone of that name. They are named like Europe/Berlin or UTC.")
        ) from None


def check_language(code: str) -> None:
    """Raises ValidationError for a language that is not one of settings.LANGUAGES."""
    if not is_spoken(code):
        codes = [known for known, _name in settings.LANGUAGES]
        raise ValidationError(
            _("This language is not spoken here. There are: %(codes)s."), params={"codes": ", ".join(codes)}
        )


def site_zone() -> str:
    """The zone of who has chosen none."""
    return settings.TIME_ZONE


def new_secret() -> str:
    """What signs a webhook: 32 random bytes as the Standard Webhooks format writes them."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


class NotificationPreferences(models.Model):
    """Without a row the defaults of each type hold, and there are no quiet hours."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="notification_preferences",
    )
    chosen: Any = models.JSONField(
        default=dict, blank=True, help_text=_("Type to channel to when; the empty type is everything else.")
    )
    time_zone = models.CharField(max_length=64, default=site_zone, validators=[check_time_zone])
    language = models.CharField(
        max_length=10,
        blank=True,
        default="",
        validators=[check_language],
        help_text=_("Empty: what the browser asks for."),
    )
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    daily_at = models.PositiveSmallIntegerField(default=8, validators=[MaxValueValidator(23)])
    webhook_url = models.CharField(
        max_length=1000, blank=True, default="", validators=[URLValidator(schemes=["http", "https"])]
    )
    webhook_secret = models.CharField(max_length=100, blank=True, default="")

    if TYPE_CHECKING:
        user_id: int

    class Meta:
        db_table = "notification_preferences"
        verbose_name_plural = "notification preferences"
        constraints = [
            CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None) | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="notification_quiet_hours_have_two_ends",
            ),
            CheckConstraint(condition=Q(daily_at__range=(0, 23)), name="notification_daily_at_an_hour"),
            CheckConstraint(condition=Q(webhook_url="") | ~Q(webhook_secret=""), name="notification_webhook_is_signed"),
        ]

    def __str__(self) -> str:
        return gettext("preferences of %(user)s") % {"user": self.user_id}

    @property
    def habits(self) -> Habits:
        """The same without a database."""
        return Habits(
            chosen=self.chosen if isinstance(self.chosen, dict) else {},
            time_zone=self.time_zone,
            quiet_from=self.quiet_from,
            quiet_until=self.quiet_until,
            daily_at=self.daily_at,
        )

"""Who is told what, and when."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import CheckConstraint, Index, Q, UniqueConstraint
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ingest.wording import decimal

from .articles import Article
from .topics import SHARE, Topic


class AlertRule(models.Model):
    """Tell the topic's owner at once of an added article that is at least this relevant and says this phrase."""

    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="alert_rules")
    minimum_relevance = models.FloatField(default=0.8, validators=SHARE)
    phrase = models.CharField(max_length=100, blank=True, default="", help_text=_("Empty: whatever it says."))

    if TYPE_CHECKING:
        topic_id: int

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(fields=["topic", "minimum_relevance", "phrase"], name="ingest_alert_rule_once_per_topic"),
            CheckConstraint(condition=Q(minimum_relevance__range=(0, 1)), name="ingest_alert_rule_in_range"),
        ]

    def __str__(self) -> str:
        relevance = decimal(self.minimum_relevance)
        if not self.phrase:
            return gettext("relevance at least %(relevance)s") % {"relevance": relevance}
        return gettext("relevance at least %(relevance)s and says “%(phrase)s”") % {
            "relevance": relevance,
            "phrase": self.phrase,
        }


class Alert(models.Model):
    """An added article that met an alert rule: one row, however many rules it met and however often it is looked at."""

    article = models.OneToOneField(Article, on_delete=models.CASCADE, related_name="alert")
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="alerts", db_index=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        indexes = [
            # How many there were lately.
            Index(fields=["topic", "created_at"], name="ingest_alerts_lately"),
        ]

    def __str__(self) -> str:
        return gettext("alert of article %(article)s") % {"article": self.article_id}

    if TYPE_CHECKING:
        article_id: int
        topic_id: int


class CollectPreferences(models.Model):
    """What one person wants of collecting as a whole. Without a row the defaults below hold."""

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="collect_preferences")
    auto_processing = models.BooleanField(default=True, help_text=_("Collect by the topics' own schedules."))
    digest = models.BooleanField(default=False, help_text=_("One summary a day of what was added."))
    digest_hour = models.PositiveSmallIntegerField(
        default=7, validators=[MaxValueValidator(23)], help_text=_("From this hour on, in the site's time zone.")
    )
    digest_sent_on = models.DateField(null=True, blank=True)
    digest_until = models.DateTimeField(
        null=True, blank=True, help_text=_("What was added up to here has been summed up.")
    )

    if TYPE_CHECKING:
        owner_id: int

    class Meta:
        verbose_name_plural = "collect preferences"
        constraints = [CheckConstraint(condition=Q(digest_hour__range=(0, 23)), name="ingest_digest_hour_of_a_day")]

    def __str__(self) -> str:
        return gettext("preferences of %(owner)s") % {"owner": self.owner_id}

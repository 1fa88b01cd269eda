"""Where a topic's articles come from."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import CheckConstraint, Index, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from ingest.decisions import Failure

from .topics import EVERY, Topic

# What an address begins with that a page may link to.
WEB = "^https?://"


class Source(models.Model):
    """A feed a topic listens to, and how reading it went."""

    class Kind(models.TextChoices):
        """What is behind the address."""

        FEED = "feed", _("Feed")

    class Health(models.TextChoices):
        """How a source has been doing, in one word."""

        UNKNOWN = "unknown", _("Not read yet")
        HEALTHY = "healthy", _("Healthy")
        FAILING = "failing", _("Failing")
        PAUSED = "paused", _("Paused")

    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="sources")
    url = models.URLField(max_length=1000)
    title = models.CharField(max_length=300, blank=True, default="")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.FEED)
    site_url = models.URLField(max_length=1000, blank=True, default="", help_text=_("The page it is the feed of."))
    folder = models.CharField(max_length=100, blank=True, default="", help_text=_("Its place in an OPML file."))
    is_paused = models.BooleanField(default=False, help_text=_("Not read until somebody turns it on again."))
    every = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=EVERY,
        help_text=_("Minutes between two readings. Empty: as its topic says."),
    )
    due_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When the schedule reads it next. Empty: at the next opportunity.")
    )
    etag = models.CharField(max_length=500, blank=True, default="")
    last_modified = models.CharField(max_length=100, blank=True, default="")
    last_checked_at = models.DateTimeField(null=True, blank=True)
    next_check_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("Not read again before: set when a server is in trouble or asks to wait."),
    )
    last_error = models.CharField(max_length=500, blank=True, default="")
    failure = models.CharField(max_length=20, choices=Failure, blank=True, default="")
    last_new_at = models.DateTimeField(null=True, blank=True, help_text=_("When it last had an entry we did not know."))
    failures = models.PositiveIntegerField(default=0, help_text=_("Failures in a row."))

    if TYPE_CHECKING:
        topic_id: int

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(fields=["topic", "url"], name="ingest_source_once_per_topic"),
            CheckConstraint(
                condition=Q(url__iregex=WEB) & (Q(site_url="") | Q(site_url__iregex=WEB)),
                name="ingest_source_urls_of_the_web",
            ),
        ]
        indexes = [
            # What the schedule reads next.
            Index(fields=["due_at", "topic"], condition=Q(is_paused=False), name="ingest_source_due"),
        ]

    def __str__(self) -> str:
        return self.title or self.url

    @property
    def health(self) -> "Source.Health":
        """How the last readings went."""
        if self.is_paused:
            return Source.Health.PAUSED
        if self.failures:
            return Source.Health.FAILING
        return Source.Health.HEALTHY if self.last_checked_at else Source.Health.UNKNOWN

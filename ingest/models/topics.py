"""What people want to hear about."""

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager

    from .alerts import AlertRule
    from .articles import Article
    from .sources import Source

SHARE = [MinValueValidator(0.0), MaxValueValidator(1.0)]
# A week, in minutes: nobody collects less often and still calls it news.
EVERY = [MinValueValidator(5), MaxValueValidator(10_080)]


class TopicQuerySet(models.QuerySet["Topic"]):
    """Queries that read as phrases: `Topic.objects.visible_to(user)`."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """Topics `user` may see: their own; every topic for staff who may view topics."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_staff and user.has_perm("ingest.view_topic"):  # type: ignore[attr-defined]
            return self
        return self.filter(owner=user)

    def owned_by(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """Topics that belong to `user`."""
        return self.filter(owner_id=user.pk) if user.is_authenticated else self.none()


class Topic(models.Model):
    """A group of keywords somebody wants to hear about, with the thresholds an article must reach."""

    class Tell(models.TextChoices):
        """Of which collections the owner is told. One that failed is always told of."""

        EACH = "each", _("Every collection")
        ADDED = "added", _("Collections that added something, and those started by hand")
        NEVER = "never", _("None: alerts and the digest are enough")

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="topics")
    name = models.CharField(max_length=100)
    language = models.CharField(
        max_length=10, blank=True, default="", help_text=_("Two letters, such as en. Empty: every language.")
    )
    relevance_threshold = models.FloatField(default=0.4, validators=SHARE)
    quality_threshold = models.FloatField(default=0.5, validators=SHARE)
    collect_every = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=EVERY,
        help_text=_("Minutes between two readings of a source of this topic. Empty: only when somebody asks."),
    )
    tell = models.CharField(max_length=5, choices=Tell, default=Tell.ADDED)
    created_at = models.DateTimeField(default=timezone.now)

    objects = TopicQuerySet.as_manager()

    if TYPE_CHECKING:
        owner_id: int
        keywords: "RelatedManager[Keyword]"
        sources: "RelatedManager[Source]"
        articles: "RelatedManager[Article]"
        alert_rules: "RelatedManager[AlertRule]"

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            UniqueConstraint(fields=["owner", "name"], name="ingest_topic_name_once_per_owner"),
            CheckConstraint(
                condition=Q(relevance_threshold__range=(0, 1)) & Q(quality_threshold__range=(0, 1)),
                name="ingest_topic_thresholds_in_range",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The topic's page."""
        return reverse("topic-detail", args=[self.pk])

    @property
    def channel(self) -> str:
        """What this topic's runs and sockets call it: the `topic_id` of /ws/progress/{topic_id}."""
        return str(self.pk)


class Keyword(models.Model):
    """A word or phrase to look for, or one that keeps an article out."""

    class Kind(models.TextChoices):
        """What a match means."""

        INCLUDE = "include", _("Include")
        EXCLUDE = "exclude", _("Exclude")

    class Field(models.TextChoices):
        """Where it is looked for."""

        ANY = "any", _("Anywhere")
        TITLE = "title", _("Title")
        BODY = "body", _("Text")
        AUTHOR = "author", _("Author")
        SITE = "site", _("Site")

    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="keywords")
    phrase = models.CharField(max_length=100)
    kind = models.CharField(max_length=7, choices=Kind, default=Kind.INCLUDE)
    field = models.CharField(max_length=6, choices=Field, default=Field.ANY)

    if TYPE_CHECKING:
        topic_id: int

    class Meta:
        ordering = ["kind", "phrase", "field"]
        constraints = [UniqueConstraint(fields=["topic", "phrase", "field"], name="ingest_keyword_once_per_topic")]

    def __str__(self) -> str:
        return self.phrase

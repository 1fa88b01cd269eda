"""Topics people follow, the sources they come from, and the articles found there."""

from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import CheckConstraint, Count, Index, Q, UniqueConstraint
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .decisions import Decision, Failure

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager

SHARE = [MinValueValidator(0.0), MaxValueValidator(1.0)]


class TopicQuerySet(models.QuerySet["Topic"]):
    """Queries that read as phrases: `Topic.objects.visible_to(user).with_counts()`."""

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

    def with_counts(self) -> Self:
        """Each topic with `articles_total`, `articles_added`, `articles_unread` and `articles_pending`."""
        return self.annotate(
            articles_total=Count("articles"),
            articles_added=Count("articles", filter=Q(articles__decision=Decision.APPROVED)),
            articles_unread=Count("articles", filter=Q(articles__decision=Decision.APPROVED, articles__read_at=None)),
            articles_pending=Count("articles", filter=Q(articles__decision=Decision.PENDING)),
        )


class Topic(models.Model):
    """A group of keywords somebody wants to hear about, with the thresholds an article must reach."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="topics")
    name = models.CharField(max_length=100)
    language = models.CharField(
        max_length=10, blank=True, default="", help_text=_("Two letters, such as en. Empty: every language.")
    )
    relevance_threshold = models.FloatField(default=0.4, validators=SHARE)
    quality_threshold = models.FloatField(default=0.5, validators=SHARE)
    created_at = models.DateTimeField(default=timezone.now)

    objects = TopicQuerySet.as_manager()

    if TYPE_CHECKING:
        owner_id: int
        keywords: "RelatedManager[Keyword]"
        sources: "RelatedManager[Source]"
        articles: "RelatedManager[Article]"

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

    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="keywords")
    phrase = models.CharField(max_length=100)
    kind = models.CharField(max_length=7, choices=Kind, default=Kind.INCLUDE)

    class Meta:
        ordering = ["kind", "phrase"]
        constraints = [UniqueConstraint(fields=["topic", "phrase"], name="ingest_keyword_once_per_topic")]

    def __str__(self) -> str:
        return self.phrase


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

    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="sources")
    url = models.URLField(max_length=1000)
    title = models.CharField(max_length=300, blank=True, default="")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.FEED)
    etag = models.CharField(max_length=500, blank=True, default="")
    last_modified = models.CharField(max_length=100, blank=True, default="")
    last_checked_at = models.DateTimeField(null=True, blank=True)
    next_check_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("Not read again before: set when a server is in trouble or asks to wait."),
    )
    last_error = models.CharField(max_length=500, blank=True, default="")
    failures = models.PositiveIntegerField(default=0, help_text=_("Failures in a row."))

    if TYPE_CHECKING:
        topic_id: int

    class Meta:
        ordering = ["id"]
        constraints = [UniqueConstraint(fields=["topic", "url"], name="ingest_source_once_per_topic")]

    def __str__(self) -> str:
        return self.title or self.url

    @property
    def health(self) -> "Source.Health":
        """How the last readings went."""
        if self.failures:
            return Source.Health.FAILING
        return Source.Health.HEALTHY if self.last_checked_at else Source.Health.UNKNOWN


class ArticleQuerySet(models.QuerySet["Article"]):
    """Queries that read as phrases: `topic.articles.pending()`."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """Articles of the topics `user` may see."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_staff and user.has_perm("ingest.view_topic"):  # type: ignore[attr-defined]
            return self
        return self.filter(topic__owner=user)

    def pending(self) -> Self:
        """Found and not decided yet, oldest first."""
        return self.filter(decision=Decision.PENDING).order_by("id")

    def approved(self) -> Self:
        """Those that made it."""
        return self.filter(decision=Decision.APPROVED)

    def unread(self) -> Self:
        """Those that made it and were not read yet."""
        return self.approved().filter(read_at=None)

    def decided_by(self, run_id: object) -> Self:
        """Those whose decision the run `run_id` took, in any of its attempts."""
        return self.filter(run=run_id)


class Article(models.Model):
    """One page found in a source, what was read there, and what was decided about it."""

    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="articles")
    source = models.ForeignKey(Source, on_delete=models.SET_NULL, null=True, blank=True, related_name="articles")
    url = models.URLField(max_length=2000)
    canonical_url = models.CharField(max_length=2000, help_text=_("The address without what does not matter."))
    title = models.CharField(max_length=500, blank=True, default="")
    author = models.CharField(max_length=300, blank=True, default="")
    site = models.CharField(max_length=200, blank=True, default="")
    published_at = models.DateTimeField(null=True, blank=True)
    text = models.TextField(blank=True, default="")
    summary = models.TextField(blank=True, default="")
    language = models.CharField(max_length=10, blank=True, default="")
    sentiment = models.FloatField(null=True, blank=True, help_text=_("−1 (bad) to 1 (good); English texts only."))
    relevance = models.FloatField(null=True, blank=True)
    quality = models.FloatField(null=True, blank=True)
    reasons: Any = models.JSONField(default=dict, blank=True)
    decision = models.CharField(max_length=20, choices=Decision, default=Decision.PENDING)
    failure = models.CharField(max_length=20, choices=Failure, blank=True, default="")
    simhash = models.BigIntegerField(null=True, blank=True, help_text=_("64 bits, as a signed number."))
    found_at = models.DateTimeField(default=timezone.now)
    fetched_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    run = models.UUIDField(null=True, blank=True, help_text=_("The run that took the decision."))

    objects = ArticleQuerySet.as_manager()

    if TYPE_CHECKING:
        topic_id: int
        source_id: int | None

    class Meta:
        ordering = ["-id"]
        constraints = [
            UniqueConstraint(fields=["topic", "canonical_url"], name="ingest_article_once_per_topic"),
            CheckConstraint(condition=Q(decision__in=Decision.values), name="ingest_article_decision_known"),
            CheckConstraint(
                condition=Q(decided_at=None) ^ ~Q(decision=Decision.PENDING),
                name="ingest_article_pending_iff_undecided",
            ),
            CheckConstraint(
                condition=Q(failure="") ^ Q(decision=Decision.FAILED),
                name="ingest_article_failure_iff_failed",
            ),
        ]
        indexes = [
            # The list of a topic, newest first: all, and one kind of decision.
            Index(fields=["topic", "-id"], name="ingest_list"),
            Index(fields=["topic", "decision", "-id"], name="ingest_list_by_decision"),
            # What a run still has to do.
            Index(fields=["topic", "id"], condition=Q(decision=Decision.PENDING), name="ingest_pending"),
            # The unread count of a topic.
            Index(
                fields=["topic"],
                condition=Q(decision=Decision.APPROVED) & Q(read_at=None),
                name="ingest_unread",
            ),
            # What a run has done already.
            Index(fields=["run"], condition=Q(run__isnull=False), name="ingest_by_run"),
        ]

    def __str__(self) -> str:
        return self.title or self.url

    @property
    def host(self) -> str:
        """The host the article was found on."""
        return urlsplit(self.url).hostname or ""

"""Pages that were found, what was read there, and what was decided."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import CheckConstraint, Count, F, Index, OuterRef, Q, Subquery, UniqueConstraint, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ingest.decisions import JUDGED, Decision, Failure
from ingest.duplicates.canonical import host_of

from .sources import WEB, Source
from .topics import Topic

UNSCORED = -1.0
# What is new: added in so many hours, read or not.
NEW_FOR = timedelta(hours=24)


def score_of(name: str) -> Coalesce:
    """A score to sort by; what has none comes last."""
    return Coalesce(name, Value(UNSCORED, output_field=models.FloatField()))


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

    def new(self) -> Self:
        """Those that made it in the last 24 hours, read or not."""
        return self.approved().filter(decided_at__gte=timezone.now() - NEW_FOR)

    def judged_otherwise(self, stamp: str) -> Self:
        """Those that were judged, but by other rules than those of this stamp; what a person decided stays."""
        # Two ranges of an index: to find that there are none costs next to nothing.
        others = self.filter(Q(rules__lt=stamp) | Q(rules__gt=stamp), decision__in=JUDGED)
        return others.exclude(reasons__has_key="person")

    def with_duplicates(self) -> Self:
        """Each article with `duplicates_total`, and `also_in`: how many other sources tell its story.

        Both are looked up article by article through the index of `duplicate_of`: ask for them page by page.
        """
        copies = Article.objects.filter(duplicate_of=OuterRef("pk")).order_by().values("duplicate_of")
        elsewhere = copies.exclude(source=Coalesce(OuterRef("source"), 0))
        number = models.IntegerField()
        return self.annotate(
            duplicates_total=Coalesce(Subquery(copies.annotate(n=Count("pk")).values("n")), 0, output_field=number),
            also_in=Coalesce(
                Subquery(elsewhere.annotate(n=Count("source", distinct=True)).values("n")), 0, output_field=number
            ),
        )

    def decided_by(self, run_id: object) -> Self:
        """Those whose decision the run `run_id` took, in any of its attempts."""
        return self.filter(run=run_id)


class Article(models.Model):
    """One page found in a source, what was read there, and what was decided about it."""

    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="articles")
    source = models.ForeignKey(Source, on_delete=models.SET_NULL, null=True, blank=True, related_name="articles")
    url = models.URLField(max_length=2000)
    canonical_url = models.CharField(max_length=2000, help_text=_("The address without what does not matter."))
    declared_url = models.CharField(
        max_length=2000,
        blank=True,
        default="",
        help_text=_("What the page itself calls its address (rel=canonical), in canonical form."),
    )
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
    analyzer = models.CharField(max_length=50, blank=True, default="", help_text=_("Which analyzer gave the scores."))
    decision = models.CharField(max_length=20, choices=Decision, default=Decision.PENDING)
    failure = models.CharField(max_length=20, choices=Failure, blank=True, default="")
    duplicate_of = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="duplicates",
        help_text=_("The article that tells this story in the topic already."),
    )
    simhash = models.BigIntegerField(null=True, blank=True, help_text=_("64 bits, as a signed number."))
    unfinished = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text=_("How often a process died while it was reading this article.")
    )
    found_at = models.DateTimeField(default=timezone.now)
    fetched_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    starred_at = models.DateTimeField(null=True, blank=True, help_text=_("Somebody wants to find it again."))
    rules = models.CharField(
        max_length=16,
        blank=True,
        default="",
        help_text=_("The stamp of the rules it was judged by: see relevance.Rules."),
    )
    run = models.UUIDField(null=True, blank=True, help_text=_("The run that took the decision."))

    objects = ArticleQuerySet.as_manager()

    if TYPE_CHECKING:
        topic_id: int
        source_id: int | None
        duplicate_of_id: int | None

    class Meta:
        ordering = ["-id"]
        constraints = [
            UniqueConstraint(fields=["topic", "canonical_url"], name="ingest_article_once_per_topic"),
            # Pages link to it.
            CheckConstraint(condition=Q(url__iregex=WEB), name="ingest_article_url_of_the_web"),
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
            # The list of a topic in each order, one decision at a time: see listing.py. With the score itself beside it
            # an index answers alone; else the planner, who takes every topic for one of middling size, sorts them all.
            Index("topic", "decision", F("found_at").desc(), F("id").desc(), name="ingest_newest"),
            Index(
                *("topic", "decision", score_of("relevance").desc(), F("id").desc()),
                include=["relevance"],
                name="ingest_by_relevance",
            ),
            Index(
                *("topic", "decision", score_of("quality").desc(), F("id").desc()),
                include=["quality"],
                name="ingest_by_quality",
            ),
            # What was added lately.
            Index(fields=["topic", "decided_at"], condition=Q(decision=Decision.APPROVED), name="ingest_added"),
            # The few that a filter leaves.
            Index(fields=["topic", "language"], name="ingest_by_language"),
            Index(fields=["topic"], condition=Q(starred_at__isnull=False), name="ingest_starred"),
            # What a run still has to do.
            Index(fields=["topic", "id"], condition=Q(decision=Decision.PENDING), name="ingest_pending"),
            # The unread count of a topic.
            Index(
                fields=["topic"],
                condition=Q(decision=Decision.APPROVED) & Q(read_at=None),
                name="ingest_unread",
            ),
            # What was judged by other rules.
            Index(fields=["topic", "rules"], condition=Q(decision__in=JUDGED), name="ingest_by_rules"),
            # What a run has done already.
            Index(fields=["run"], condition=Q(run__isnull=False), name="ingest_by_run"),
        ]

    def __str__(self) -> str:
        return self.title or self.url

    @property
    def is_new(self) -> bool:
        """Did it make it in the last 24 hours?"""
        return (
            self.decision == Decision.APPROVED
            and self.decided_at is not None
            and self.decided_at >= timezone.now() - NEW_FOR
        )

    @property
    def host(self) -> str:
        """The host the article was found on."""
        return host_of(self.url)

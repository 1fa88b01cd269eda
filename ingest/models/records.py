"""What stands beside an article: the words it is found by, and what was decided about it before."""

from typing import TYPE_CHECKING, Any

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from ingest.decisions import Decision, Failure

from .articles import Article


class ArticleWords(models.Model):
    """The words of an article, for full text search: title (A), author and site (B), text (D), and its topic as `#12`.

    Written and deleted by triggers (migration 0004). In a table of its own, so that marking an article read does not
    write its hundreds of words into the index once more.
    """

    article = models.OneToOneField(
        Article, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="words"
    )
    vector = SearchVectorField()

    class Meta:
        indexes = [GinIndex(fields=["vector"], name="ingest_words")]

    def __str__(self) -> str:
        return f"words of {self.pk}"


class PastDecision(models.Model):
    """What was decided about an article before it was decided anew. Written by a trigger (migration 0004)."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="past_decisions")
    decision = models.CharField(max_length=20, choices=Decision)
    failure = models.CharField(max_length=20, choices=Failure, blank=True, default="")
    relevance = models.FloatField(null=True, blank=True)
    quality = models.FloatField(null=True, blank=True)
    reasons: Any = models.JSONField(default=dict, blank=True)
    run = models.UUIDField(null=True, blank=True)
    decided_at = models.DateTimeField()

    if TYPE_CHECKING:
        article_id: int

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.decision} at {self.decided_at}"

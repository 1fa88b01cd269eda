"""How many articles a topic has, known without counting them."""

from datetime import date
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Index, Q, Sum

from .topics import Topic

UNREAD, STARRED, ADDED_ON = "unread", "starred", "added_on"


class ArticleCountQuerySet(models.QuerySet["ArticleCount"]):
    """Counts without counting."""

    def totals(self) -> dict[int, dict[str, int]]:
        """Per topic: articles of each decision, and `unread` and `starred` ones; what is not there is none."""
        rows = self.filter(day=None).order_by().values_list("topic", "kind").annotate(Sum("number"))
        found: dict[int, dict[str, int]] = {}
        for topic, kind, number in rows:
            found.setdefault(topic, {})[kind] = number
        return found

    def added_per_day(self, since: date) -> dict[int, dict[date, int]]:
        """Per topic: how many articles were added on each day (UTC) from `since` on; days without any are left out."""
        rows = self.filter(kind=ADDED_ON, day__gte=since).order_by().values_list("topic", "day")
        found: dict[int, dict[date, int]] = {}
        for topic, day, number in rows.annotate(Sum("number")):
            found.setdefault(topic, {})[day] = number
        return found

    def of_topics(self, topics: list[Topic]) -> Self:
        """Those of `topics`."""
        return self.filter(topic__in=[topic.pk for topic in topics])


class ArticleCount(models.Model):
    """How many articles of a kind a topic has, as changes to add up: counting a million rows anew would not be quick.

    `kind` is a decision, `unread`, `starred`, or with a `day` `added_on`. Triggers in the database write it (migration
    0004), so whatever changes an article counts. They only ever add rows: nobody waits for anybody. counts.py sums up.
    """

    # No constraint, for a topic's last changes are written while it is being deleted.
    topic = models.ForeignKey(Topic, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    kind = models.CharField(max_length=20)
    day = models.DateField(null=True, blank=True)
    number = models.BigIntegerField()
    is_sum = models.BooleanField(default=False, help_text="What was summed up already.")

    objects = ArticleCountQuerySet.as_manager()

    if TYPE_CHECKING:
        topic_id: int

    class Meta:
        indexes = [
            # The numbers of a topic, and its last days.
            Index(fields=["topic", "kind", "day"], include=["number"], name="ingest_counts"),
            # Are there enough changes to sum up?
            Index(fields=["id"], condition=Q(is_sum=False), name="ingest_counts_to_sum_up"),
        ]

    def __str__(self) -> str:
        return f"{self.number:+} {self.kind}"

"""How many articles a topic has, known without counting them."""

from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Index, Q, Sum

from .topics import Topic

UNREAD, STARRED, ADDED_ON = "unread", "starred", "added_on"


class ArticleCountQuerySet(models.QuerySet["ArticleCount"]):
    """Counts without counting."""

    def sums(self, since: date, *others: models.QuerySet[Any, Any]) -> dict[int, dict[tuple[str, date | None], int]]:
        """Per topic, by kind and day: all that has no day, and of days those from `since` on. One query.

        `others`: rows of topic, kind, day and number that are counted elsewhere.
        """
        lately = self.filter(Q(day=None) | Q(day__gte=since)).order_by()
        found: dict[int, dict[tuple[str, date | None], int]] = {}
        rows: models.QuerySet[Any, Any] = lately.values_list("topic", "kind", "day").annotate(Sum("number"))
        for topic, kind, day, number in rows.union(*others, all=True) if others else rows:
            if number:
                found.setdefault(topic, {})[kind, day] = number
        return found

    def added_per_day(self, since: date) -> dict[date, int]:
        """How many were added on each day from `since` on, in all of these topics together. One query."""
        added = self.filter(kind=ADDED_ON, day__gte=since).order_by()
        return {day: number for day, number in added.values_list("day").annotate(Sum("number")) if day is not None}


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

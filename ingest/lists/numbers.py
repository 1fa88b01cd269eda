"""How many articles topics have, at the same cost however many there are.

new: added in the last 24 hours, read or not; unread: added, and not read yet; added: those that made it, ever.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from typing import Self

from django.db.models import Count, DateField, Value
from django.utils import timezone

from ingest.decisions import Decision
from ingest.models import Article, ArticleCount, Topic
from ingest.models.counts import ADDED_ON, STARRED, UNREAD

NEW = "new"
DAYS = 30  # of the trend, today among them


@dataclass(frozen=True, kw_only=True, slots=True)
class Numbers:
    """How many articles a topic has, or several together; `by_decision` leaves out the decisions nothing has.

    `added_on`: how many were added on each of the last 30 days (UTC); days without any are left out.
    """

    new: int = 0
    unread: int = 0
    starred: int = 0
    by_decision: Mapping[str, int] = field(default_factory=dict)
    added_on: Mapping[date, int] = field(default_factory=dict)

    @property
    def found(self) -> int:
        """All of them."""
        return sum(self.by_decision.values())

    @property
    def added(self) -> int:
        """Those that made it."""
        return self.by_decision.get(Decision.APPROVED, 0)

    @property
    def waiting(self) -> int:
        """Those that nobody has decided yet."""
        return self.by_decision.get(Decision.PENDING, 0)

    def shown_as(self, show: str) -> int:
        """How many a tab of the list shows."""
        if show in {"all", "new", "added"}:
            return {"all": self.found, "new": self.new, "added": self.added}[show]
        return self.by_decision.get(show, 0)

    @classmethod
    def sum_of(cls, several: Sequence["Numbers"]) -> Self:
        """Several as one."""
        decisions = {one: sum(numbers.by_decision.get(one, 0) for numbers in several) for one in Decision.values}
        return cls(
            new=sum(numbers.new for numbers in several),
            unread=sum(numbers.unread for numbers in several),
            starred=sum(numbers.starred for numbers in several),
            by_decision={one: number for one, number in decisions.items() if number},
        )


def numbers_of(topics: Sequence[Topic]) -> dict[int, Numbers]:
    """The numbers of each topic, by its key. One query."""
    keys = [topic.pk for topic in topics]
    first_day = timezone.now().astimezone(UTC).date() - timedelta(days=DAYS - 1)
    new = Article.objects.filter(topic__in=keys).new().order_by().values("topic").annotate(Count("pk"))
    no_day = Value(None, output_field=DateField())
    rows = new.annotate(kind=Value(NEW), day=no_day).values_list("topic", "kind", "day", "pk__count")
    sums = ArticleCount.objects.filter(topic__in=keys).sums(first_day, rows)
    return {key: _numbers(sums.get(key, {})) for key in keys}


def _numbers(sums: Mapping[tuple[str, date | None], int]) -> Numbers:
    plain = {kind: number for (kind, day), number in sums.items() if day is None}
    return Numbers(
        new=plain.pop(NEW, 0),
        unread=plain.pop(UNREAD, 0),
        starred=plain.pop(STARRED, 0),
        by_decision=plain,
        added_on={day: number for (kind, day), number in sums.items() if kind == ADDED_ON and day is not None},
    )

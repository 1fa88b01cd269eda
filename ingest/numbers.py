"""How many articles topics have, at the same cost however many there are.

new: added in the last 24 hours, read or not; unread: added, and not read yet; added: those that made it, ever.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from django.db.models import Count

from .decisions import Decision
from .models import Article, ArticleCount, Topic
from .models.counts import STARRED, UNREAD


@dataclass(frozen=True, kw_only=True, slots=True)
class Numbers:
    """How many articles a topic has, or several together; `by_decision` leaves out the decisions nothing has."""

    new: int = 0
    unread: int = 0
    starred: int = 0
    by_decision: Mapping[str, int] = field(default_factory=dict)

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
    """The numbers of each topic, by its key."""
    keys = [topic.pk for topic in topics]
    totals = ArticleCount.objects.filter(topic__in=keys).totals()
    lately = Article.objects.filter(topic__in=keys).new().order_by().values_list("topic").annotate(Count("pk"))
    new = dict(lately)
    found = {}
    for key in keys:
        kinds = dict(totals.get(key, {}))
        found[key] = Numbers(
            new=new.get(key, 0), unread=kinds.pop(UNREAD, 0), starred=kinds.pop(STARRED, 0), by_decision=kinds
        )
    return found

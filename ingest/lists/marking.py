"""What a person does with articles: mark them read, star them, decide otherwise, have them read again.

Alone, those selected on a page, or everything that matches a filter: counted first, and frozen when it is sent.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Func, JSONField, Q, Value
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ingest import access
from ingest.decisions import Decision
from ingest.duplicates.clusters import mend_clusters
from ingest.jobs import start_collecting
from ingest.models import Article, ArticleQuerySet, Topic
from live.numbers import grouped
from tasks.exceptions import AlreadyRunning, NumberChanged

from . import counts
from .filters import ArticleFilters
from .listing import matching

MOST = 10_000  # articles that one go takes; the rest waits for the next


class Action(StrEnum):
    """What can be done."""

    READ = "read"
    UNREAD = "unread"
    STAR = "star"
    UNSTAR = "unstar"
    ADD = "add"
    REJECT = "reject"
    REREAD = "reread"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kind:
    """What an action is called, the sentence on what it did, which articles it changes, and what takes it back."""

    label: Any  # lazy
    done: Callable[[int], str]
    takes: Q
    undo: Action | None = None


_MADE_IT = Q(decision=Decision.APPROVED)
KINDS = {
    Action.READ: _Kind(
        label=_("Mark read"),
        done=lambda n: ngettext("%(count)s article marked read.", "%(count)s articles marked read.", n),
        takes=_MADE_IT & Q(read_at=None),
        undo=Action.UNREAD,
    ),
    Action.UNREAD: _Kind(
        label=_("Mark unread"),
        done=lambda n: ngettext("%(count)s article marked unread.", "%(count)s articles marked unread.", n),
        takes=_MADE_IT & Q(read_at__isnull=False),
        undo=Action.READ,
    ),
    Action.STAR: _Kind(
        label=_("Star"),
        done=lambda n: ngettext("%(count)s article starred.", "%(count)s articles starred.", n),
        takes=Q(starred_at=None),
        undo=Action.UNSTAR,
    ),
    Action.UNSTAR: _Kind(
        label=_("Remove the star"),
        done=lambda n: ngettext("%(count)s article without a star now.", "%(count)s articles without a star now.", n),
        takes=Q(starred_at__isnull=False),
        undo=Action.STAR,
    ),
    Action.ADD: _Kind(
        label=_("Add anyway"),
        done=lambda n: ngettext("%(count)s article added.", "%(count)s articles added.", n),
        takes=Q(decision__in=[Decision.FILTERED_RELEVANCE, Decision.REJECTED_QUALITY, Decision.DUPLICATE]),
    ),
    Action.REJECT: _Kind(
        label=_("Reject"),
        done=lambda n: ngettext("%(count)s article rejected.", "%(count)s articles rejected.", n),
        takes=_MADE_IT,
    ),
    Action.REREAD: _Kind(
        label=_("Fetch again"),
        done=lambda n: ngettext(
            "%(count)s article will be fetched again.", "%(count)s articles will be fetched again.", n
        ),
        takes=Q(decision=Decision.FAILED),
    ),
}


def count(user: User, filters: ArticleFilters, action: Action, asked_at: datetime) -> tuple[int, bool]:
    """How many articles `action` would change, MOST at the most, and whether there are more. Raises BadFilter."""
    number = len(_frozen(user, filters, action, asked_at)[: MOST + 1])
    return min(number, MOST), number > MOST


def mark_matching(
    user: User, filters: ArticleFilters, action: Action, *, expected: int, asked_at: datetime
) -> list[int]:
    """Do it to what matches and was there at `asked_at`; says to which.

    Raises NumberChanged when nothing matches, or more than the `expected` number that the asker was told; BadFilter.
    """
    with transaction.atomic():
        ids = list(_frozen(user, filters, action, asked_at)[:MOST])
        if not ids or len(ids) > expected:
            raise NumberChanged(expected, len(ids))
        return mark(user, ids, action)


def mark(user: User, ids: Collection[int], action: Action) -> list[int]:
    """Do it to those of `ids` that `user` may change and that it changes; says to which."""
    topics = access.changeable_topics(user)
    with transaction.atomic():
        wanted = Article.objects.filter(pk__in=ids, topic__in=topics).filter(KINDS[action].takes).order_by("pk")
        locked = list(wanted.select_for_update(no_key=True, of=["self"]).values_list("pk", "topic_id"))
        taken = [pk for pk, _ in locked]
        _write(Article.objects.filter(pk__in=taken), action, user)
        if action is Action.REJECT:
            for topic in Topic.objects.filter(pk__in={topic for _, topic in locked}):
                mend_clusters(topic)  # their duplicates tell the story now
    counts.ARTICLES.sum_up()
    return taken


def read_again(user: User, ids: Collection[int]) -> tuple[list[int], int]:
    """Let what failed be fetched once more, and start the collections that do it; says which, and how many started."""
    taken = mark(user, ids, Action.REREAD)
    return taken, start_for(taken)


def start_for(ids: Collection[int]) -> int:
    """Collect the topics of these articles, unless that is going on; says how many collections were started."""
    started = 0
    for topic in Topic.objects.filter(articles__in=ids).distinct().select_related("owner"):
        try:
            start_collecting(topic.owner, topic)
            started += 1
        except AlreadyRunning:  # it takes them along, or the next one does
            pass
    return started


def _frozen(user: User, filters: ArticleFilters, action: Action, asked_at: datetime) -> Any:
    topics = access.changeable_topics(user)
    if filters.topic is not None:
        topics = topics.filter(pk=filters.topic)
    keys = list(topics.values_list("pk", flat=True))
    there = Q(found_at__lte=asked_at) & (Q(decided_at=None) | Q(decided_at__lte=asked_at))
    return matching(keys, filters).filter(KINDS[action].takes).filter(there).order_by().values_list("pk", flat=True)


def _write(articles: ArticleQuerySet, action: Action, user: User) -> None:
    now = timezone.now()
    match action:
        case Action.READ:
            articles.update(read_at=now)
        case Action.UNREAD:
            articles.update(read_at=None)
        case Action.STAR:
            articles.update(starred_at=now)
        case Action.UNSTAR:
            articles.update(starred_at=None)
        case Action.ADD | Action.REJECT:
            decision = Decision.APPROVED if action is Action.ADD else Decision.REJECTED_QUALITY
            why = {"person": {"by": user.get_username(), "reason": _why(action, user)}}
            articles.update(
                decision=decision, decided_at=now, run=None, duplicate_of=None, reasons=_with(F("reasons"), why)
            )
        case Action.REREAD:
            articles.update(decision=Decision.PENDING, decided_at=None, run=None, failure="", reasons={})


def _why(action: Action, user: User) -> str:
    said = (
        gettext("Added by %(user)s, whatever the scores say.")
        if action is Action.ADD
        else gettext("Rejected by %(user)s, whatever the scores say.")
    )
    return said % {"user": user.get_username()}


def _with(reasons: F, more: dict[str, Any]) -> Func:
    return Func(
        reasons, Value(more, JSONField()), arg_joiner=" || ", template="(%(expressions)s)", output_field=JSONField()
    )


def said(action: Action, number: int) -> str:
    """`12 articles marked read.`"""
    if not number:
        return gettext("No article was changed: none of them was one for that.")
    return KINDS[action].done(number) % {"count": grouped(number)}


def offered(show: str) -> Sequence[Action]:
    """What makes sense in a tab of the list, in order."""
    everywhere = [Action.STAR, Action.UNSTAR]
    match show:
        case "new" | "added":
            return [Action.READ, Action.UNREAD, *everywhere, Action.REJECT]
        case Decision.FILTERED_RELEVANCE | Decision.REJECTED_QUALITY | Decision.DUPLICATE:
            return [Action.ADD, *everywhere]
        case Decision.FAILED:
            return [Action.REREAD, *everywhere]
        case Decision.PENDING:
            return everywhere
        case _:
            return list(Action)

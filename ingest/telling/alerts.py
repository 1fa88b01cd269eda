"""Telling the owner of a topic at once that an added article meets an alert rule.

The alert, its notification and the article's decision are one transaction, and an article has one alert at most: it is
told once, however often its run is killed and whichever rules it meets. Many at once become one that counts.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ingest.decisions import Decision
from ingest.models import Alert, AlertRule, Article, Topic
from ingest.reading.relevance import mentions
from ingest.wording import score
from live.numbers import grouped
from notifications import facade
from notifications.languages import in_language_of
from tasks.db import by_the_way

if TYPE_CHECKING:
    from ingest.store import Decided

logger = logging.getLogger(__name__)

ALONE = 5  # alerts of a topic that are told one by one …
LATELY = timedelta(minutes=10)  # … in so long; what is more is told as one, with a count


def meeting_rules(decided: Sequence["Decided"]) -> list["Decided"]:
    """Those that would be added and meet an alert rule of their topic."""
    added = [one for one in decided if one.verdict.decision == Decision.APPROVED and one.analysis is not None]
    if not added:
        return []
    # What is decided together belongs to one topic.
    rules = list(AlertRule.objects.filter(topic__articles=added[0].candidate.id))
    return [one for one in added if any(_meets(one, rule) for rule in rules)]


def tell(decided: Sequence["Decided"]) -> int:
    """Tell the owner of those that were just added. Returns of how many.

    Call it inside the transaction that adds them. Trouble is logged: news of an article must not keep it from being
    saved.
    """
    told = 0
    if decided:
        with by_the_way(logger, "No alert for %s articles", len(decided)):
            told = _tell({one.candidate.id: one for one in decided})
    return told


def _tell(decided: dict[int, "Decided"]) -> int:
    topics = Topic.objects.select_for_update(no_key=True, of=["self"]).select_related("owner")
    # Locked: two runs of one topic count one after the other.
    topic = topics.get(pk__in=Article.objects.filter(pk__in=decided).values("topic"))
    known = set(Alert.objects.filter(article__in=decided).values_list("article_id", flat=True))
    new = [one for pk, one in decided.items() if pk not in known]
    lately = Alert.objects.filter(topic=topic, created_at__gte=timezone.now() - LATELY).count()
    Alert.objects.bulk_create(Alert(article_id=one.candidate.id, topic=topic) for one in new)
    with in_language_of(topic.owner_id):
        if lately + len(new) <= ALONE:
            for one in new:
                _tell_of_one(topic, one)
        elif new:
            _tell_of_many(topic, new[-1], lately + len(new))
    return len(new)


def _tell_of_one(topic: Topic, one: "Decided") -> None:
    analysis = one.analysis
    if analysis is None:  # never: it was added
        return
    relevance = analysis.scores.relevance
    facade.create_notification(
        username=topic.owner.get_username(),
        type="keyword_alert",
        title=f"{topic.name}: {analysis.reading.title or one.candidate.url}",
        message=_("Relevance %(score)s: %(reason)s.") % {"score": score(relevance.score), "reason": relevance.reason},
        link=reverse("article", args=[one.candidate.id]),
    )


def _tell_of_many(topic: Topic, latest: "Decided", number: int) -> None:
    title = latest.analysis.reading.title if latest.analysis else ""
    meet = ngettext(
        "%(topic)s: %(count)s article meets your alerts", "%(topic)s: %(count)s articles meet your alerts", number
    )
    facade.create_notification(
        username=topic.owner.get_username(),
        type="keyword_alert",
        title=meet % {"topic": topic.name, "count": grouped(number)},
        message=_("In the last %(minutes)s minutes. The latest: “%(title)s”.")
        % {"minutes": LATELY.seconds // 60, "title": title or latest.candidate.url},
        link=f"{topic.get_absolute_url()}?show=added",
        # While it is unread, it is this one that counts on.
        dedupe_key=f"keyword-alerts:{topic.pk}",
    )


def _meets(one: "Decided", rule: AlertRule) -> bool:
    if one.analysis is None or one.analysis.scores.relevance.score < rule.minimum_relevance:
        return False
    reading = one.analysis.reading
    return not rule.phrase or mentions(rule.phrase, title=reading.title, text=reading.text, language=reading.language)

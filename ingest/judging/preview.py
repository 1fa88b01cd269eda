"""What rules would do before anybody saves them: the newest articles of a topic, judged without writing anything."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from asgiref.sync import async_to_sync
from django.utils.translation import gettext as _

from ingest.children import AnalysisError, in_child
from ingest.decisions import JUDGED, Decision
from ingest.models import Article, Topic
from ingest.reading.relevance import Rules
from ingest.wording import score

from .rejudge import Rejudged, Stored, rejudge

LOOKED_AT = 200
SECONDS = 4.0  # then the child shows what it has; it is killed for good after children.SECONDS
SHOWN = 10
# A preview is to be quick: what keywords do shows in the first pages of a book, too.
MAX_TEXT = 100_000


class PreviewFailed(Exception):
    """The rules could not be tried; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """An article that would come in or go. `was`: the relevance it has now, where it has one."""

    id: int
    title: str
    url: str
    before: Decision
    after: Decision
    was: float | None
    relevance: float
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """How the rules fare on the newest articles: how many they would add, and what would be different.

    `looked_at` is less than `asked` when time ran out. `comes_in` and `goes` are the newest `SHOWN` of each.
    """

    asked: int
    looked_at: int
    matches: int
    duplicates: int
    comes_in: tuple[Change, ...]
    goes: tuple[Change, ...]
    coming_in: int
    going: int

    @property
    def is_complete(self) -> bool:
        """Was there time for all?"""
        return not self.left

    @property
    def left(self) -> int:
        """For how many there was no time."""
        return self.asked - self.looked_at


def preview(topic: Topic, rules: Rules) -> Preview:
    """Try `rules` on the topic's newest articles that have a text. Sync, and bounded in time: the work is done in a
    child process. Raises PreviewFailed.
    """
    articles = newest(topic, LOOKED_AT)
    stored = [stored_of(article) for article in articles]
    try:
        found = async_to_sync(in_child)(rejudge, stored, rules, SECONDS) if stored else []
    except AnalysisError as error:
        raise PreviewFailed(_("The rules could not be tried: %(why)s.") % {"why": error.why}) from None
    return compare(articles, found, rules)


def newest(topic: Topic, number: int) -> list[Article]:
    """The newest articles of `topic` that rules have judged and that have a text, the newest first."""
    ids: list[tuple[datetime, int]] = []
    for decision in JUDGED:
        # One decision at a time, as the index has them.
        rows = topic.articles.filter(decision=decision).order_by("-found_at", "-id")
        ids += rows.values_list("found_at", "id")[:number]
    chosen = [pk for _at, pk in sorted(ids, reverse=True)[:number]]
    # What a person decided is no matter of rules.
    rows = Article.objects.filter(pk__in=chosen).exclude(text="").exclude(reasons__has_key="person").only(*COLUMNS)
    return sorted(rows, key=lambda article: chosen.index(article.pk))


# What judging a stored article takes.
COLUMNS = (
    "id", "topic", "url", "canonical_url", "declared_url", "title", "text", "language", "author", "site",
    "published_at", "relevance", "quality", "reasons", "decision", "decided_at", "duplicate_of", "simhash", "rules",
)  # fmt: skip


def stored_of(article: Article, max_text: int = MAX_TEXT) -> Stored:
    """An article as `rejudge` takes it."""
    return Stored(
        id=article.pk,
        title=article.title,
        text=article.text[:max_text],
        language=article.language,
        author=article.author,
        site=article.site,
        host=article.host,
        has_date=article.published_at is not None,
        quality=article.quality,
    )


def compare(articles: Sequence[Article], found: Sequence[Rejudged], rules: Rules) -> Preview:
    """What would be different of `articles`; `found` are the first of them, judged."""
    matches = duplicates = 0
    changes: list[Change] = []
    looked_at = dict(zip((one.id for one in found), found, strict=True))
    approved = {pk for pk, one in looked_at.items() if one.decision(rules) == Decision.APPROVED}
    going = {
        article.pk
        for article in articles
        if article.pk in looked_at and article.decision == Decision.APPROVED and article.pk not in approved
    }
    for article in articles:
        if (one := looked_at.get(article.pk)) is None:
            continue
        after = one.decision(rules)
        root = article.duplicate_of_id
        if after == Decision.APPROVED and article.decision == Decision.DUPLICATE and root not in going:
            # It says what the topic wants to hear, and has heard.
            after = Decision.DUPLICATE
            duplicates += 1
        matches += after == Decision.APPROVED
        if (after == Decision.APPROVED) != (article.decision == Decision.APPROVED):
            changes.append(_change(article, one, after))
    numbers = Counter(change.after == Decision.APPROVED for change in changes)
    return Preview(
        asked=len(articles),
        looked_at=len(found),
        matches=matches,
        duplicates=duplicates,
        comes_in=tuple(one for one in changes if one.after == Decision.APPROVED)[:SHOWN],
        goes=tuple(one for one in changes if one.after != Decision.APPROVED)[:SHOWN],
        coming_in=numbers[True],
        going=numbers[False],
    )


def _change(article: Article, one: Rejudged, after: Decision) -> Change:
    reason = one.relevance.reason
    if after == Decision.REJECTED_QUALITY:
        reason = _("%(reason)s; its quality is %(quality)s") % {"reason": reason, "quality": score(one.quality)}
    return Change(
        id=article.pk,
        title=article.title or article.url,
        url=article.url,
        before=Decision(article.decision),
        after=after,
        was=article.relevance,
        relevance=one.relevance.score,
        reason=reason,
    )

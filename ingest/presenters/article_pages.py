"""What the page of one article shows: its text as paragraphs, every reason, and what was decided when."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from ingest.decisions import Decision, Failure
from ingest.models import Article, PastDecision
from tasks.trees import tree_of

from .articles import Badge, badge_of

TEXT_SHOWN = 60_000  # characters; the rest is where the article comes from
COPIES_SHOWN = 10
PAST_SHOWN = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """Something that happened to the article."""

    at: datetime
    words: str
    note: str = ""
    badge: Badge | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ArticlePage:
    """Plain texts: the template escapes them, and nothing of a page's markup is among them."""

    paragraphs: list[str]
    is_cut: bool
    words: int
    history: list[Moment]
    reasons: Any
    copies: list[Article]


def page_of_article(article: Article) -> ArticlePage:
    """What the page of `article` shows besides what a list shows."""
    text = article.text[:TEXT_SHOWN]
    past = list(article.past_decisions.order_by("-pk")[:PAST_SHOWN])
    copies = article.duplicates.select_related("source").defer("text").order_by("pk")
    return ArticlePage(
        paragraphs=[line for line in text.splitlines() if line.strip()],
        is_cut=len(article.text) > TEXT_SHOWN,
        words=len(article.text.split()),
        history=_history(article, past),
        reasons=tree_of(article.reasons) if article.reasons else (),
        copies=list(copies[:COPIES_SHOWN]),
    )


def _history(article: Article, past: list[PastDecision]) -> list[Moment]:
    """The newest first."""
    moments = [_decided(one.decided_at, one.decision, one.failure, one.reasons) for one in past]
    if article.decided_at is not None:
        moments.insert(0, _decided(article.decided_at, article.decision, article.failure, article.reasons))
    found = _("Found in %(source)s") % {"source": article.source} if article.source else _("Found by its address")
    return [*moments, Moment(at=article.found_at, words=found)]


def _decided(at: datetime, decision: str, failure: str, reasons: Any) -> Moment:
    known = reasons if isinstance(reasons, dict) else {}
    badge = badge_of(Decision(decision))
    person = known.get("person")
    if isinstance(person, dict):
        return Moment(at=at, words=str(person.get("reason", _("Decided by a person."))), badge=badge)
    said = [
        part["reason"]
        for key in ("relevance", "quality")
        if isinstance(part := known.get(key), dict) and part.get("reason")
    ]
    note = str(known.get("failure") or Failure(failure).label) if failure else "; ".join(map(str, said))
    return Moment(at=at, words=_("Decided by the rules"), note=note, badge=badge)

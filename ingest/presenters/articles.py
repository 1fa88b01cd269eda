"""What the pages show of an article: its badges, its scores with their reasons, and where else it was found."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.postgres.search import SearchHeadline
from django.db.models import F
from django.db.models.functions import Left
from django.utils.translation import gettext as _

from ingest import access
from ingest.analyzers.protocol import LOCAL
from ingest.decisions import Decision, Failure
from ingest.lists.filters import query_of
from ingest.models import Article, Topic
from tasks.access import Viewer

# How much of a text is looked through for what to show of it.
MARKED_UP_TO = 20_000
_START, _STOP = "\x02", "\x03"
_SIGNS = re.compile(f"[{_START}{_STOP}]")

# Icon and tone of a decision's badge.
BADGES = {
    Decision.PENDING: ("pending", "neutral"),
    Decision.APPROVED: ("check", "good"),
    Decision.FILTERED_RELEVANCE: ("search", "neutral"),
    Decision.REJECTED_QUALITY: ("close", "warn"),
    Decision.DUPLICATE: ("link", "neutral"),
    Decision.FAILED: ("failed", "bad"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Badge:
    """Icon, word, tone: the parameters of live/components/badge.html."""

    word: str
    icon: str
    tone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A piece of a text, and whether it is what was looked for. Plain text: the template escapes it."""

    text: str
    found: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ArticleView:
    """One article of a list. Texts are plain: the templates escape them."""

    row: Article
    badges: tuple[Badge, ...]
    title: tuple["Piece", ...]
    excerpt: tuple["Piece", ...]
    relevance_reason: str
    quality_reason: str
    note: str
    person: str
    site: str
    mood: str
    can_change: bool
    also_in: int
    original: Article | None
    same_page: bool

    @property
    def topic(self) -> Topic:
        """Whose article it is: it says the thresholds."""
        return self.row.topic

    @property
    def scored_by(self) -> str:
        """Who gave the scores, or was to give them and did not; nothing where that was the local analyzer as a rule."""
        note = str(_reasons(self.row).get("engine_note", ""))
        if note or self.row.analyzer in {"", LOCAL}:
            return note
        return _("Scored by %(analyzer)s.") % {"analyzer": self.row.analyzer}

    @property
    def is_unread(self) -> bool:
        """Made it, and not read yet."""
        return self.row.decision == Decision.APPROVED and self.row.read_at is None


def present_articles(articles: Sequence[Article], viewer: Viewer, *, search: str = "") -> list[ArticleView]:
    """Several articles, with what `search` finds in them marked; at the same number of queries however many."""
    keys = [article.pk for article in articles]
    marked = _marked(keys, search) if search and keys else {}
    return [
        ArticleView(
            row=article,
            badges=_badges(article),
            title=marked[article.pk][0] if article.pk in marked else (Piece(text=article.title or article.url),),
            excerpt=marked[article.pk][1] if article.pk in marked else (),
            relevance_reason=str(_inside(article, "relevance", "reason")),
            quality_reason=str(_inside(article, "quality", "reason")),
            note=_note(article),
            person=str(_inside(article, "person", "reason")),
            site=_site(article),
            mood=_mood(article.sentiment),
            can_change=access.may_change(viewer, article.topic),
            also_in=getattr(article, "also_in", 0),
            original=article.duplicate_of,
            same_page=_inside(article, "duplicate", "by") == "address",
        )
        for article in articles
    ]


def badge_of(decision: Decision) -> Badge:
    """What a decision looks like."""
    icon, tone = BADGES[decision]
    return Badge(word=str(decision.label), icon=icon, tone=tone)


def _badges(article: Article) -> tuple[Badge, ...]:
    badge = badge_of(Decision(article.decision))
    return (Badge(word=_("New"), icon="dot", tone="info"), badge) if article.is_new else (badge,)


def _marked(keys: Sequence[int], search: str) -> dict[int, tuple[tuple[Piece, ...], tuple[Piece, ...]]]:
    """Title and an excerpt of each article with what was looked for marked: by Postgres, so that both agree on words.

    It marks with two control characters; where a text has them itself, a mark may be wrong, and nothing else.
    """
    signs: dict[str, Any] = {"config": "simple", "start_sel": _START, "stop_sel": _STOP}
    query = query_of(search)
    rows = Article.objects.filter(pk__in=keys).values_list(
        "pk",
        "url",
        SearchHeadline(F("title"), query, highlight_all=True, **signs),
        SearchHeadline(Left("text", MARKED_UP_TO), query, max_words=40, min_words=20, **signs),
    )
    found = {}
    for pk, url, title, text in rows:
        excerpt = _pieces(text)
        found[pk] = (_pieces(title) or (Piece(text=url),), excerpt if any(piece.found for piece in excerpt) else ())
    return found


def _pieces(text: str) -> tuple[Piece, ...]:
    parts = re.split(f"{_START}(.*?){_STOP}", text, flags=re.DOTALL)
    pieces = [Piece(text=part, found=bool(number % 2)) for number, part in enumerate(parts)]
    return tuple(replace(piece, text=_SIGNS.sub("", piece.text)) for piece in pieces if piece.text)


def _site(article: Article) -> str:
    """The site's name; its feed's where the page names none, else its host."""
    named = article.site and article.site.partition(":")[0] != article.host
    return article.site if named else str(article.source or article.host)


def _note(article: Article) -> str:
    if article.failure:
        return str(_reasons(article).get("failure") or Failure(article.failure).label)
    if article.decision == Decision.DUPLICATE and article.duplicate_of is None:
        return _("The topic had this text already, from another address.")
    return ""


def _mood(sentiment: float | None) -> str:
    if sentiment is None:
        return ""
    return _("positive tone") if sentiment >= 0.2 else _("negative tone") if sentiment <= -0.2 else _("neutral tone")


def _reasons(article: Article) -> dict[str, object]:
    return article.reasons if isinstance(article.reasons, dict) else {}


def _inside(article: Article, part: str, key: str) -> object:
    found = _reasons(article).get(part)
    return found.get(key, "") if isinstance(found, dict) else ""

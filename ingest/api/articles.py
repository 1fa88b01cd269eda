"""Articles: list them with the filters of the page, mark one, mark many."""

from typing import Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Query, Router, Schema

from ingest import access
from ingest.lists import marking
from ingest.lists.filters import ArticleFilters
from ingest.lists.listing import cursor_of, find, position_of, shown_articles
from ingest.lists.marking import Action, said
from ingest.models import Article, Topic
from live.errors import ApiError, invalid
from live.frames import timestamp
from live.limits import Kind, limited
from tasks.exceptions import NumberChanged

router = Router()

MAX_PAGE = 100
MAX_IDS = 1000


class ArticleObject(Schema):
    """An article as lists show it. Scores are 0 to 1, times ISO 8601 in UTC."""

    id: int
    topic_id: int
    source_id: int | None
    url: str
    title: str
    author: str
    site: str
    language: str
    summary: str
    sentiment: float | None
    decision: str
    failure: str | None
    relevance: float | None
    quality: float | None
    reasons: dict[str, Any]
    duplicate_of: int | None
    also_in: int
    new: bool
    read: bool
    starred: bool
    published_at: str | None
    found_at: str
    decided_at: str | None


class ArticlesAnswer(Schema):
    """A page of articles, in the order asked for."""

    success: Literal[True] = True
    articles: list[ArticleObject]
    next_cursor: str | None


class ArticleAnswer(Schema):
    """One article."""

    success: Literal[True] = True
    article: ArticleObject


class ArticleChange(Schema):
    """What to change; what is left out stays."""

    read: bool | None = None
    starred: bool | None = None


class BulkChange(Schema):
    """What to do, and with what: `ids`, or everything that matches `filter` (its keys are those of the list).

    With a filter, `expected` is the number that was agreed to: when more match, nothing is done, and the answer is 409.
    """

    action: Action
    ids: list[int] | None = Field(None, min_length=1, max_length=MAX_IDS)
    filter: dict[str, str] | None = None
    expected: int | None = Field(None, ge=1, le=marking.MOST)


class ArticlesChangedAnswer(Schema):
    """How many articles were changed; the others were none for that, or are somebody else's."""

    success: Literal[True] = True
    count: int
    message: str


@router.get("/articles", response=ArticlesAnswer, summary="List articles")
def articles(
    request: HttpRequest,
    limit: int = Query(20, ge=1, le=MAX_PAGE),
    cursor: str = Query("", max_length=200),
    show: str = "",
    only: str = "",
    q: str = "",
    topic: str = "",
    source: str = "",
    language: str = "",
    since: str = "",
    until: str = "",
    sort: str = "",
) -> dict[str, Any]:
    """The articles of the asker's topics that match. What cannot be used in a filter is a 422, never "all"."""
    asked = {
        "show": show, "only": only, "q": q, "topic": topic, "source": source, "language": language,
        "since": since, "until": until, "sort": sort,
    }  # fmt: skip
    filters = _checked(asked)
    try:
        after = position_of(cursor, filters.sort) if cursor else None
    except ValueError:
        raise invalid("cursor", "is not one that this list gave in this order.") from None
    topics = Topic.objects.visible_to(request.user)
    if filters.topic is not None:
        topics = topics.filter(pk=filters.topic)
    rows = find(list(topics.values_list("pk", flat=True)), filters, limit=limit + 1, after=after)
    more, rows = len(rows) > limit, rows[:limit]
    return {
        "articles": [article_object(article) for article in rows],
        "next_cursor": cursor_of(rows[-1], filters.sort) if more else None,
    }


# Before the route of one article, whose id would otherwise be "bulk".
@router.post("/articles/bulk", response=ArticlesChangedAnswer, summary="Mark many articles")
@limited(Kind.START, when=lambda request, payload: payload.action is Action.REREAD)
def change_articles(request: HttpRequest, payload: BulkChange) -> dict[str, Any]:
    """Those of `ids`, or all that match `filter`, up to 10,000 in one go. `reread` also starts Auto-Collect."""
    user: Any = request.user
    if (payload.ids is None) == (payload.filter is None):
        raise invalid("ids", "give either these, or a filter.")
    if payload.ids is not None:
        taken = marking.mark(user, [pk for pk in payload.ids if 0 < pk < 2**63], payload.action)
    else:
        if payload.expected is None:
            raise invalid("expected", "say how many articles you expect to be changed.")
        try:
            taken = marking.mark_matching(
                user, _checked(payload.filter or {}), payload.action, expected=payload.expected, asked_at=timezone.now()
            )
        except NumberChanged as changed:
            details = {"expected": changed.expected, "actual": changed.actual}
            message = f"{changed.actual:,} articles match, not {changed.expected:,}. Nothing was changed."
            raise ApiError(409, "number_changed", message, details) from None
    if payload.action is Action.REREAD:
        marking.start_for(taken)
    return {"count": len(taken), "message": said(payload.action, len(taken))}


@router.patch("/articles/{article_id}", response=ArticleAnswer, summary="Mark one article")
def change_article(request: HttpRequest, article_id: int, payload: ArticleChange) -> dict[str, Any]:
    """Read or unread, starred or not."""
    # All fields are optional, and the schema would take a list for an object without any.
    if not request.body.lstrip().startswith(b"{"):
        raise invalid("body", 'must be an object, such as {"read": true}.')
    if not 0 < article_id < 2**63:
        raise ApiError(404, "not_found", "No such article.")
    article = access.get_changeable_article(request.user, article_id)
    user: Any = request.user
    if payload.read is not None:
        marking.mark(user, [article.pk], Action.READ if payload.read else Action.UNREAD)
    if payload.starred is not None:
        marking.mark(user, [article.pk], Action.STAR if payload.starred else Action.UNSTAR)
    return {"article": article_object(shown_articles().get(pk=article.pk))}


def _checked(asked: dict[str, str]) -> ArticleFilters:
    filters = ArticleFilters.of(asked, also=())
    for key, sentence in filters.wrong.items():
        raise invalid(key, sentence)
    return filters


def article_object(article: Article) -> dict[str, Any]:
    """An ArticleObject of a row of `shown_articles`."""
    return {
        "id": article.pk,
        "topic_id": article.topic_id,
        "source_id": article.source_id,
        "url": article.url,
        "title": article.title,
        "author": article.author,
        "site": article.site,
        "language": article.language,
        "summary": article.summary,
        "sentiment": article.sentiment,
        "decision": article.decision,
        "failure": article.failure or None,
        "relevance": article.relevance,
        "quality": article.quality,
        "reasons": article.reasons if isinstance(article.reasons, dict) else {},
        "duplicate_of": article.duplicate_of_id,
        "also_in": getattr(article, "also_in", 0),
        "new": article.is_new,
        "read": article.read_at is not None,
        "starred": article.starred_at is not None,
        "published_at": timestamp(article.published_at) if article.published_at else None,
        "found_at": timestamp(article.found_at),
        "decided_at": timestamp(article.decided_at) if article.decided_at else None,
    }

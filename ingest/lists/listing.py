"""The articles that match a filter, in order, at a cost that does not grow with the table.

An index gives each order for one topic and one decision; a list of several is merged from the heads of each. What no
index jumps to (words, a source, a language) is looked for twice: first among the next articles in order, one by one,
where the frequent is found; then by the index of what was asked, which finds the rare.
See docs/decisions/article-list.md.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import (
    DateTimeField,
    DurationField,
    Expression,
    ExpressionWrapper,
    F,
    FloatField,
    Q,
    QuerySet,
    Value,
)

from ingest.models import Article, ArticleQuerySet
from ingest.models.articles import UNSCORED, score_of
from live import cursors

from .filters import ArticleFilters

LOOKED_THROUGH = 1_000  # articles that are looked at one by one before another index is asked

type Position = tuple[datetime | float, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Order:
    """What a list is sorted by, downwards: as the index says it, and so that no index fits.

    Without the latter the planner walks a whole list to find a few.
    """

    sql: str
    unindexed: Expression

    def key_of(self, article: Article) -> datetime | float:
        """Where the article stands."""
        if self.sql == "found_at":
            return article.found_at
        score = article.relevance if "relevance" in self.sql else article.quality
        return UNSCORED if score is None else score


def _by_score(name: str) -> _Order:
    plus_nothing = score_of(name) + Value(0.0)
    return _Order(sql=f"COALESCE({name}, -1.0::double precision)", unindexed=_wrapped(plus_nothing, FloatField()))


def _wrapped(expression: Any, output: Any) -> ExpressionWrapper:
    return ExpressionWrapper(expression, output_field=output)


ORDERS = {
    "newest": _Order(
        sql="found_at",
        unindexed=_wrapped(F("found_at") + Value(timedelta(), output_field=DurationField()), DateTimeField()),
    ),
    "relevance": _by_score("relevance"),
    "quality": _by_score("quality"),
}

# The next articles of some topics with some decisions: the heads of each, merged.
_NEXT = """
SELECT head.id, head.key
FROM unnest(%(topics)s::bigint[]) AS topic (id)
CROSS JOIN unnest(%(decisions)s::text[]) AS decision (word)
CROSS JOIN LATERAL (
    SELECT article.id, {key} AS key FROM ingest_article AS article
    WHERE article.topic_id = topic.id AND article.decision = decision.word {conditions}
    ORDER BY {key} DESC, article.id DESC LIMIT %(limit)s
) AS head
ORDER BY head.key DESC, head.id DESC LIMIT %(limit)s
"""


def find(topics: Sequence[int], filters: ArticleFilters, *, limit: int, after: Position | None = None) -> list[Article]:
    """The first `limit` articles of `topics` that match, in the order asked for, from behind the position `after` on.

    Their texts are not loaded.
    """
    if filters.wrong or not topics:
        return []
    order = ORDERS[filters.sort]
    if not filters.is_narrow:
        return _shown([pk for pk, _ in _next(topics, filters, limit, after)], order)
    looked_through = max(limit, LOOKED_THROUGH // len(topics))
    heads = _next(topics, filters, looked_through, after)
    near = Article.objects.filter(pk__in=[pk for pk, _ in heads])
    articles = _shown(_first(filters.apply(near, topics=topics, by_index=False), order, limit), order)
    if len(articles) == limit or len(heads) < looked_through:
        return articles
    far = filters.apply(Article.objects.filter(topic__in=topics), topics=topics, by_index=True)
    with transaction.atomic(), connection.cursor() as cursor:
        # With less memory a frequent word's matches are kept as pages, and every article on them is read word by word.
        # With pages as dear as on a turning disk all of a topic's articles are read rather than looked up one by one.
        cursor.execute("SELECT set_config('work_mem', '64MB', true), set_config('random_page_cost', '1.1', true)")
        return articles + _shown(_first(_behind(far, order, heads[-1]), order, limit - len(articles)), order)


def shown_articles() -> ArticleQuerySet:
    """All articles with what a list shows of them."""
    related = ("source", "topic", "topic__owner", "duplicate_of")
    return Article.objects.with_duplicates().select_related(*related).defer("text", "duplicate_of__text")


def matching(topics: Sequence[int], filters: ArticleFilters) -> ArticleQuerySet:
    """All articles of `topics` that match, in no order. Raises BadFilter."""
    return filters.checked().apply(Article.objects.filter(topic__in=topics), topics=topics, by_index=True)


def _next(
    topics: Sequence[int], filters: ArticleFilters, limit: int, after: Position | None
) -> list[tuple[int, datetime | float]]:
    key = ORDERS[filters.sort].sql
    conditions = []
    values: dict[str, Any] = {"topics": list(topics), "decisions": filters.decisions, "limit": limit}
    if after is not None:
        conditions.append(f"AND ({key}, article.id) < (%(key)s, %(id)s)")
        values["key"], values["id"] = after
    if key == "found_at" and filters.first_moment is not None:
        conditions.append("AND found_at >= %(since)s")
        values["since"] = filters.first_moment
    if key == "found_at" and filters.last_moment is not None:
        conditions.append("AND found_at < %(until)s")
        values["until"] = filters.last_moment
    with connection.cursor() as cursor:
        cursor.execute(_NEXT.format(key=key, conditions=" ".join(conditions)), values)
        return cursor.fetchall()


def _first(articles: ArticleQuerySet, order: _Order, limit: int) -> QuerySet[Article, int]:
    return articles.order_by(order.unindexed.desc(), "-pk").values_list("pk", flat=True)[:limit]


def _shown(keys: Iterable[int], order: _Order) -> list[Article]:
    """These articles in order. What stands beside them is looked up for them alone: a join before a limit joins all."""
    found = shown_articles().filter(pk__in=keys).order_by()
    return sorted(found, key=lambda article: (order.key_of(article), article.pk), reverse=True)


def _behind(articles: ArticleQuerySet, order: _Order, head: tuple[int, datetime | float]) -> ArticleQuerySet:
    pk, key = head
    return articles.alias(place=order.unindexed).filter(Q(place__lt=key) | Q(place=key, pk__lt=pk))


def cursor_of(article: Article, sort: str) -> str:
    """Where the page after `article` begins, as a text for addresses."""
    key = ORDERS[sort].key_of(article)
    said = key.isoformat() if isinstance(key, datetime) else repr(key)
    return cursors.encode(said, article.pk)


def position_of(cursor: str, sort: str) -> Position:
    """What `cursor_of` said. Raises ValueError for anything else, and for the position in another order."""
    try:
        said, number = cursors.decode(cursor)
        if not (number.isascii() and number.isdecimal() and len(number) < 19):
            raise ValueError("no number of an article")
        if sort != "newest":
            return float(said), int(number)
        found_at = datetime.fromisoformat(said)
        if found_at.tzinfo is None:
            raise ValueError("a time without a zone")
        return found_at, int(number)
    except OverflowError as error:
        raise ValueError(str(error)) from None

"""A list of articles as a person asked for it: tabs, filters, order, and the page that the address names."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ingest.lists.filters import ONLY, SHOWN, SORTS, ArticleFilters
from ingest.lists.listing import cursor_of, find, position_of
from ingest.lists.marking import KINDS, Action, offered
from ingest.lists.numbers import Numbers, numbers_of
from ingest.models import Source, Topic
from tasks.access import Viewer

from .articles import ArticleView, present_articles

PAGE_SIZE = 20
SOURCES_OFFERED = 100  # more would make a list nobody reads; a source's page leads to its articles

LABELS = {
    "show": _("Tab"),
    "only": _("Only"),
    "q": _("Words"),
    "topic": _("Topic"),
    "source": _("Source"),
    "language": _("Language"),
    "since": _("Found from"),
    "until": _("Found until"),
    "sort": _("Order"),
    "after": _("Page"),
    "action": _("Action"),
    "asked_at": _("Time"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Tab:
    """One choice above the list. `count`: None where counting would take long, because something else is asked, too."""

    key: str
    word: str
    count: int | None
    url: str
    current: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ArticleList:
    """A page of a list. Without `topic`: of all topics that the viewer may see."""

    articles: list[ArticleView]
    filters: ArticleFilters
    numbers: Numbers
    tabs: list[Tab]
    only: list[Tab]
    sources: list[tuple[int, str]]
    topics: Sequence[Topic]
    topic: Topic | None
    first_url: str
    next_url: str
    base_url: str
    clear_url: str
    part_url: str
    made_at: str
    actions: list[tuple[str, str, str]]

    sorts = SORTS

    @property
    def more_filters(self) -> int:
        """How many filters are set besides tabs, order and the box for words."""
        return len(self.filters.asked.keys() - {"show", "only", "q", "sort"})

    @property
    def phrases(self) -> list[str]:
        """What is asked besides the tabs, in words."""
        if self.filters.source is None:
            return self.filters.phrases()
        named = dict(self.sources).get(self.filters.source)
        return [
            *self.filters.phrases(),
            gettext("from one source") if named is None else gettext("from %(source)s") % {"source": named},
        ]

    @property
    def wrong(self) -> list[tuple[str, str]]:
        """What cannot be used in the address, and why."""
        return [(str(LABELS.get(key, key)), sentence) for key, sentence in self.filters.wrong.items()]

    @property
    def fields(self) -> list[dict[str, str]]:
        """The days of the form, as they were asked."""
        asked, wrong = self.filters.asked, self.filters.wrong
        return [
            {
                "name": key,
                "label": str(LABELS[key]),
                "value": asked.get(key, ""),
                "error": wrong.get(key, ""),
                # A date field would hide what is wrong.
                "kind": "text" if key in wrong or key == "language" else "date",
            }
            for key in ("since", "until", "language")
        ]


def list_articles(
    viewer: Viewer,
    topics: Sequence[Topic],
    query: Mapping[str, Any],
    *,
    topic: Topic | None = None,
    numbers: Numbers | None = None,
) -> ArticleList:
    """The page that `query` (an address's parameters) asks for: of `topic`, or of all `topics`.

    `numbers`: those of the topic, where they are known already.
    """
    filters = ArticleFilters.of(query)
    wanted = [topic] if topic is not None else chosen(topics, filters)
    after = None
    with suppress(ValueError):  # damaged on its way here, or of another order: the first page
        after = position_of(str(query["after"]), filters.sort) if query.get("after") else None
    rows = find([one.pk for one in wanted], filters, after=after, limit=PAGE_SIZE + 1)
    more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    numbers = numbers or Numbers.sum_of(list(numbers_of(wanted).values()))
    base = topic.get_absolute_url() if topic is not None else reverse("articles")
    address = _Addresses(base, filters)
    only_tabs = not (filters.any and filters.asked.keys() - {"show", "topic", "sort"})
    return ArticleList(
        articles=present_articles(rows, viewer, search=filters.search),
        filters=filters,
        numbers=numbers,
        tabs=[
            Tab(
                key=key,
                word=str(word),
                count=numbers.shown_as(key) if only_tabs else None,
                url=address.of(show="" if key == "all" else key),
                current=filters.show == key,
            )
            for key, word in SHOWN.items()
        ],
        only=[
            Tab(
                key=key,
                word=str(word),
                count={"unread": numbers.unread, "starred": numbers.starred}[key],
                url=address.of(only="" if filters.only == key else key),
                current=filters.only == key,
            )
            for key, word in ONLY.items()
        ],
        sources=_sources(wanted),
        topics=topics,
        topic=topic,
        first_url=address.of() if after is not None else "",
        next_url=address.of(after=cursor_of(rows[-1], filters.sort)) if more else "",
        base_url=base,
        clear_url=_address(base, {"sort": filters.asked.get("sort", "")}),
        part_url=address.of(part="articles"),
        made_at=timezone.now().isoformat(),
        actions=[
            (action.value, str(KINDS[action].label), _bulk_url(action, filters, topic))
            for action in offered(filters.show)
        ],
    )


def chosen(topics: Sequence[Topic], filters: ArticleFilters) -> list[Topic]:
    """Those of `topics` that the filter names: all, one, or none when it is not among them."""
    return [topic for topic in topics if filters.topic in (None, topic.pk)]


def list_url(filters: ArticleFilters) -> str:
    """The list that these filters, with the topic among them, were asked on."""
    return _address(reverse("articles"), filters.asked)


@dataclass(frozen=True, slots=True)
class _Addresses:
    """Addresses of a list with other filters."""

    base: str
    filters: ArticleFilters

    def of(self, *, after: str = "", **changes: str) -> str:
        """The list with some filters changed."""
        return _address(self.base, {**self.filters.asked, **changes, "after": after})


def _address(path: str, asked: Mapping[str, str]) -> str:
    query = urlencode({key: value for key, value in asked.items() if value})
    return f"{path}?{query}" if query else path


def _bulk_url(action: Action, filters: ArticleFilters, topic: Topic | None) -> str:
    asked = dict(filters.asked) | ({"topic": str(topic.pk)} if topic is not None else {})
    return _address(reverse("article-bulk"), {"action": action.value, **asked})


def _sources(topics: Sequence[Topic]) -> list[tuple[int, str]]:
    """What can be chosen from, by name; nothing when there are too many."""
    sources = Source.objects.filter(topic__in=[topic.pk for topic in topics])
    rows = list(sources.order_by("title", "pk").only("title", "url")[: SOURCES_OFFERED + 1])
    return [(source.pk, str(source)) for source in rows] if len(rows) <= SOURCES_OFFERED else []

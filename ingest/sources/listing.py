"""What lists of sources show: filters, pages, and how each source is doing in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext, ngettext, pgettext_lazy

from ingest.models import Source, Topic
from ingest.topic_settings import every_words
from live.numbers import grouped
from tasks.access import Viewer

PAGE_SIZE = 50
MAX_FOLDERS = 200
SHOWN = {
    "all": pgettext_lazy("sources", "All"),
    "failing": Source.Health.FAILING.label,
    "paused": Source.Health.PAUSED.label,
    "unread": Source.Health.UNKNOWN.label,
    "healthy": Source.Health.HEALTHY.label,
}
_CONDITIONS = {
    "all": Q(),
    "failing": Q(is_paused=False, failures__gt=0),
    "paused": Q(is_paused=True),
    "unread": Q(is_paused=False, failures=0, last_checked_at=None),
    "healthy": Q(is_paused=False, failures=0, last_checked_at__isnull=False),
}
# Icon and tone of each health.
_BADGES = {
    Source.Health.UNKNOWN: ("pending", "neutral"),
    Source.Health.HEALTHY: ("check", "good"),
    Source.Health.FAILING: ("failed", "bad"),
    Source.Health.PAUSED: ("pause", "neutral"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """Which sources a list shows; `folder` is None for all of them, "" for those in none."""

    show: str = "all"
    folder: str | None = None
    q: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Filters":
        """As an address or a form says it; what makes no sense is left out."""
        show = query.get("show", "all")
        folder = query.get("folder", "*").replace("\x00", "")
        return cls(
            show=show if show in SHOWN else "all",
            folder=None if folder == "*" else folder[:100],
            q=query.get("q", "").replace("\x00", "").strip()[:200],
        )

    def as_query(self) -> dict[str, str]:
        """The same as parameters; those that say nothing are left out."""
        folder = {} if self.folder is None else {"folder": self.folder}
        return {**({} if self.show == "all" else {"show": self.show}), **folder, **({"q": self.q} if self.q else {})}

    @property
    def any(self) -> bool:
        """Is anything left out?"""
        return bool(self.as_query())

    def select(self, sources: QuerySet[Source]) -> QuerySet[Source]:
        """Those of `sources` that match."""
        return self._narrow(sources).filter(_CONDITIONS[self.show])

    def counts(self, sources: QuerySet[Source]) -> dict[str, int]:
        """How many each kind would show beside the rest of the filter."""
        each = {f"n_{show}": Count("pk", filter=condition) for show, condition in _CONDITIONS.items() if condition}
        numbers = self._narrow(sources).order_by().aggregate(n_all=Count("pk"), **each)
        return {show: numbers[f"n_{show}"] for show in SHOWN}

    def _narrow(self, sources: QuerySet[Source]) -> QuerySet[Source]:
        if self.folder is not None:
            inside = Q(folder=self.folder)
            sources = sources.filter(inside | Q(folder__startswith=f"{self.folder}/") if self.folder else inside)
        for word in self.q.split()[:10]:
            sources = sources.filter(Q(title__icontains=word) | Q(url__icontains=word) | Q(last_error__icontains=word))
        return sources


@dataclass(frozen=True, kw_only=True, slots=True)
class Tab:
    """One kind of sources above a list."""

    word: str
    count: int
    query: str
    current: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceView:
    """One source, and how it is doing."""

    row: Source
    word: str
    icon: str
    tone: str
    rhythm: str
    next_at: datetime | None
    trouble: str

    @property
    def is_failing(self) -> bool:
        """Did its last reading fail?"""
        return self.row.health == Source.Health.FAILING


@dataclass(frozen=True, kw_only=True, slots=True)
class SourcePage:
    """One page of sources with its filters."""

    filters: Filters
    tabs: list[Tab]
    folders: list[str]
    page: Page[Source]
    sources: list[SourceView]
    total: int


def sources_of(user: Viewer) -> QuerySet[Source]:
    """Every source of the topics that are `user`'s own."""
    return Source.objects.filter(topic__owner_id=user.pk) if user.is_authenticated else Source.objects.none()


def page_of_sources(sources: QuerySet[Source], query: Mapping[str, str]) -> SourcePage:
    """The page of `sources` that `query` (an address's parameters) asks for: those in trouble first."""
    filters = Filters.of(query)
    counts = filters.counts(sources)
    tabs = [
        Tab(
            word=str(word),
            count=counts[show],
            query=urlencode(Filters(show=show, folder=filters.folder, q=filters.q).as_query()),
            current=show == filters.show,
        )
        for show, word in SHOWN.items()
    ]
    folders = list(sources.order_by("folder").values_list("folder", flat=True).distinct()[:MAX_FOLDERS])
    matching = filters.select(sources).select_related("topic").order_by("-failures", "folder", "title", "url", "pk")
    page = Paginator(matching, PAGE_SIZE).get_page(query.get("page"))
    return SourcePage(
        filters=filters,
        tabs=tabs,
        folders=folders if folders != [""] else [],
        page=page,
        sources=[present_source(source) for source in page],
        total=counts[filters.show],
    )


def present_source(source: Source) -> SourceView:
    """One source with its health in words."""
    health = source.health
    icon, tone = _BADGES[health]
    every = source.every or source.topic.collect_every
    failing = health == Source.Health.FAILING
    # Before its next time, and before its server wants to see us again, it is not read.
    moments = [moment for moment in (source.due_at, source.next_check_at) if moment is not None]
    return SourceView(
        row=source,
        word=str(health.label),
        icon=icon,
        tone=tone,
        rhythm=_rhythm(source, source.topic),
        next_at=max(moments, default=None)
        if every and not source.is_paused
        else source.next_check_at
        if failing
        else None,
        trouble=_trouble(source) if failing else "",
    )


def _rhythm(source: Source, topic: Topic) -> str:
    if topic.collect_every and not source.every:
        return gettext("Read %(often)s, as its topic says") % {"often": every_words(topic.collect_every)}
    return gettext("Read %(often)s") % {"often": every_words(source.every)}


def _trouble(source: Source) -> str:
    said = source.last_error or gettext("It could not be read.")
    if source.failures < 2:
        return said
    often = ngettext("%(count)s time in a row.", "%(count)s times in a row.", source.failures)
    return f"{said} {often % {'count': grouped(source.failures)}}"


def as_json(source: Source) -> dict[str, Any]:
    """One source as the API tells it; times are datetimes."""
    view = present_source(source)
    return {
        "id": source.pk,
        "topic_id": source.topic_id,
        "url": source.url,
        "title": source.title,
        "site_url": source.site_url,
        "folder": source.folder,
        "every": source.every,
        "is_paused": source.is_paused,
        "health": source.health.value,
        "failure": source.failure,
        "last_error": source.last_error,
        "failures": source.failures,
        "last_checked_at": source.last_checked_at,
        "last_new_at": source.last_new_at,
        "next_read_at": view.next_at,
    }

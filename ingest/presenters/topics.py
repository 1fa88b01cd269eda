"""What the pages show of topics: their cards, with numbers, sources and the latest run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.core.paginator import Page, Paginator
from django.db.models import Count, Max, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ingest import access
from ingest.lists.numbers import Numbers, numbers_of
from ingest.models import Source, Topic
from ingest.rules import keywords_of, write_line
from ingest.topic_settings import every_words
from live.numbers import grouped
from tasks.access import Viewer
from tasks.models import TaskRun
from tasks.presenters import NOT_SHOWN, RunView, present_runs

from .sparkline import Sparkline, sparkline_of

PAGE_SIZE = 20
KEYWORDS_SHOWN = 8
COLLECT = "ingest.jobs.collect"


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceHealth:
    """How the sources of a topic are doing, together."""

    total: int = 0
    failing: int = 0
    paused: int = 0
    last_checked_at: datetime | None = None

    @property
    def health(self) -> Source.Health:
        """As if they were one source: failing if any is, healthy if all are that are read."""
        if self.failing:
            return Source.Health.FAILING
        if self.total and self.paused == self.total:
            return Source.Health.PAUSED
        return Source.Health.UNKNOWN if self.last_checked_at is None else Source.Health.HEALTHY

    @property
    def word(self) -> str:
        """In a word; nothing where there is no source."""
        if not self.total:
            return ""
        if not self.failing:
            return str(self.health.label)
        if self.failing == self.total - self.paused:
            return _("All failing")
        return ngettext("%(count)s failing", "%(count)s failing", self.failing) % {"count": grouped(self.failing)}

    @property
    def tone(self) -> str:
        """The colour of that word."""
        if self.failing:
            return "bad" if self.failing == self.total - self.paused else "warn"
        return "good" if self.total and self.health == Source.Health.HEALTHY else "neutral"

    @property
    def icon(self) -> str:
        """The drawing beside that word."""
        icons = {Source.Health.FAILING: "failed", Source.Health.HEALTHY: "check", Source.Health.PAUSED: "pause"}
        return icons.get(self.health, "pending") if self.total else "pending"


def health_of(topics: Sequence[Topic]) -> dict[int, SourceHealth]:
    """How the sources of each topic are doing; topics without any are left out. One query."""
    live = Q(is_paused=False)
    rows = (
        Source.objects.filter(topic__in=[topic.pk for topic in topics])
        .order_by()
        .values("topic")
        .annotate(
            total=Count("pk"),
            failing=Count("pk", filter=live & Q(failures__gt=0)),
            paused=Count("pk", filter=~live),
            last_checked_at=Max("last_checked_at"),
        )
    )
    return {
        row["topic"]: SourceHealth(
            total=row["total"], failing=row["failing"], paused=row["paused"], last_checked_at=row["last_checked_at"]
        )
        for row in rows
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class TopicView:
    """One topic as a card."""

    row: Topic
    numbers: Numbers
    include: list[str]
    exclude: list[str]
    more_keywords: int
    health: SourceHealth
    trend: Sparkline
    collects: str
    run: RunView | None
    owner: str
    can_change: bool

    @property
    def is_collecting(self) -> bool:
        """Is a run of it waiting or running?"""
        return self.run is not None and self.run.is_live

    @property
    def hint(self) -> str:
        """What is missing before there is anything to collect."""
        if not self.include and not self.more_keywords:
            return _("Add a keyword: without one, no article is relevant.")
        if not self.health.total:
            return _("Add a feed to collect from.")
        return ""


def present_topics(viewer: Viewer) -> list[TopicView]:
    """Every topic `viewer` may see, at the same number of queries however many there are."""
    return _views(list(_visible(viewer)), viewer)


def page_of_topics(viewer: Viewer, number: str | None) -> tuple[Page[Topic], list[TopicView]]:
    """The page of that number (the nearest where there is none) of the topics `viewer` may see, by name."""
    page = Paginator(_visible(viewer), PAGE_SIZE).get_page(number)
    return page, _views(list(page), viewer)


def _visible(viewer: Viewer) -> QuerySet[Topic]:
    return Topic.objects.visible_to(viewer).select_related("owner__collect_preferences").prefetch_related("keywords")


def present_topic(topic: Topic, viewer: Viewer) -> TopicView:
    """One topic."""
    return _views([topic], viewer)[0]


def latest_runs(topics: Sequence[Topic], viewer: Viewer) -> dict[int, RunView]:
    """The latest collection of each topic."""
    channels = {topic.channel: topic.pk for topic in topics}
    owners = {topic.owner_id for topic in topics}
    runs = list(
        TaskRun.objects.filter(task=COLLECT, topic__in=channels, owner__in=owners)
        .order_by("topic", "-created_at")
        .distinct("topic")
        .select_related("owner")
        .defer(*NOT_SHOWN)
    )
    return {channels[run.topic]: view for run, view in zip(runs, present_runs(runs, viewer), strict=True)}


def _views(topics: list[Topic], viewer: Viewer) -> list[TopicView]:
    today = datetime.now(UTC).date()
    numbers, health, runs = numbers_of(topics), health_of(topics), latest_runs(topics, viewer)
    views = []
    for topic in topics:
        keywords = keywords_of(topic)
        include = [*map(write_line, keywords.include)]
        exclude = [*map(write_line, keywords.exclude)]
        views.append(
            TopicView(
                row=topic,
                numbers=numbers[topic.pk],
                include=include[:KEYWORDS_SHOWN],
                exclude=exclude[:KEYWORDS_SHOWN],
                more_keywords=max(0, len(include) - KEYWORDS_SHOWN) + max(0, len(exclude) - KEYWORDS_SHOWN),
                health=health.get(topic.pk, SourceHealth()),
                trend=sparkline_of(numbers[topic.pk].added_on, today),
                collects=_collects(topic),
                run=runs.get(topic.pk),
                owner=topic.owner.get_username() if topic.owner_id != viewer.pk else "",
                can_change=access.may_change(viewer, topic),
            )
        )
    return views


def _collects(topic: Topic) -> str:
    """When it is collected, in words."""
    preferences = getattr(topic.owner, "collect_preferences", None)  # no row: Auto-Processing is on
    if topic.collect_every is not None and preferences is not None and not preferences.auto_processing:
        return _("Auto-Processing is off")
    return _("collected %(often)s") % {"often": every_words(topic.collect_every)}

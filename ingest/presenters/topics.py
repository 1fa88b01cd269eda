"""What the pages show of topics: their cards, with numbers, sources and the latest run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ingest import access
from ingest.models import Source, Topic
from ingest.rules import keywords_of, write_line
from tasks.access import Viewer
from tasks.models import TaskRun
from tasks.presenters import NOT_SHOWN, RunView, present_runs

KEYWORDS_SHOWN = 8
COLLECT = "ingest.jobs.collect"


@dataclass(frozen=True, kw_only=True, slots=True)
class TopicView:
    """One topic as a card."""

    row: Topic
    total: int
    added: int
    unread: int
    waiting: int
    include: list[str]
    exclude: list[str]
    more_keywords: int
    sources: int
    failing: int
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
            return "Add a keyword: without one, no article is relevant."
        if not self.sources:
            return "Add a feed to collect from."
        return ""


def present_topics(viewer: Viewer) -> list[TopicView]:
    """Every topic `viewer` may see, at the same number of queries however many there are."""
    topics = list(
        Topic.objects.visible_to(viewer).select_related("owner").prefetch_related("keywords", "sources").with_counts()
    )
    runs = latest_runs(topics, viewer)
    return [_topic_view(topic, runs.get(topic.pk), viewer) for topic in topics]


def present_topic(topic: Topic, viewer: Viewer) -> TopicView:
    """One topic."""
    counted = Topic.objects.filter(pk=topic.pk).select_related("owner").prefetch_related("keywords", "sources")
    run = latest_runs([topic], viewer).get(topic.pk)
    return _topic_view(counted.with_counts().get(), run, viewer)


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


def _topic_view(topic: Topic, run: RunView | None, viewer: Viewer) -> TopicView:
    keywords = keywords_of(topic)
    include = [*map(write_line, keywords.include)]
    exclude = [*map(write_line, keywords.exclude)]
    sources: Iterable[Source] = topic.sources.all()
    return TopicView(
        row=topic,
        total=topic.articles_total,  # type: ignore[attr-defined]
        added=topic.articles_added,  # type: ignore[attr-defined]
        unread=topic.articles_unread,  # type: ignore[attr-defined]
        waiting=topic.articles_pending,  # type: ignore[attr-defined]
        include=include[:KEYWORDS_SHOWN],
        exclude=exclude[:KEYWORDS_SHOWN],
        more_keywords=max(0, len(include) - KEYWORDS_SHOWN) + max(0, len(exclude) - KEYWORDS_SHOWN),
        sources=len(list(sources)),
        failing=sum(source.health == Source.Health.FAILING for source in sources),
        run=run,
        owner=topic.owner.get_username() if topic.owner_id != viewer.pk else "",
        can_change=access.may_change(viewer, topic),
    )

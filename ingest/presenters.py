"""What the pages show of topics and articles; no rules, no writing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q

from tasks.access import Viewer
from tasks.models import TaskRun
from tasks.presenters import NOT_SHOWN, RunView, present_runs

from . import access
from .decisions import Decision, Failure
from .models import Article, ArticleQuerySet, Source, Topic

PAGE_SIZE = 20
KEYWORDS_SHOWN = 8
COLLECT = "ingest.jobs.collect"

# What each tab of a topic's articles is called, in order.
FILTERS = {
    "all": "All",
    "new": "New",
    "added": "Added",
    Decision.FILTERED_RELEVANCE.value: "Below threshold",
    Decision.REJECTED_QUALITY.value: "Rejected",
    Decision.DUPLICATE.value: "Duplicates",
    Decision.FAILED.value: "Failed",
    Decision.PENDING.value: "Waiting",
}
# Icon and tone of a decision's badge.
_BADGES = {
    Decision.PENDING: ("pending", "neutral"),
    Decision.APPROVED: ("check", "good"),
    Decision.FILTERED_RELEVANCE: ("search", "neutral"),
    Decision.REJECTED_QUALITY: ("close", "warn"),
    Decision.DUPLICATE: ("link", "neutral"),
    Decision.FAILED: ("failed", "bad"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Badge:
    """Icon, word, tone: the parameters of components/badge.html."""

    word: str
    icon: str
    tone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ArticleView:
    """One article of a list. Texts are plain: the templates escape them."""

    row: Article
    badges: tuple[Badge, ...]
    relevance_reason: str
    quality_reason: str
    note: str
    site: str
    mood: str

    @property
    def is_unread(self) -> bool:
        """Made it, and not read yet."""
        return self.row.decision == Decision.APPROVED and self.row.read_at is None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tab:
    """One filter above the list."""

    key: str
    word: str
    count: int
    current: bool


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


def page_of_articles(topic: Topic, query: Mapping[str, str]) -> tuple[list[Tab], Page[Article], list[ArticleView]]:
    """The tabs, and the page of the topic's articles that `query` (an address's parameters) asks for."""
    wanted = query.get("show", "all")
    if wanted not in FILTERS:
        wanted = "all"
    counts = _counts(topic)
    tabs = [Tab(key=key, word=word, count=counts[key], current=key == wanted) for key, word in FILTERS.items()]
    articles = select(topic.articles.select_related("source").defer("text"), wanted)  # type: ignore[arg-type]
    page = Paginator(articles.order_by("-id"), PAGE_SIZE).get_page(query.get("page"))
    return tabs, page, [present_article(article) for article in page]


def select(articles: ArticleQuerySet, wanted: str) -> ArticleQuerySet:
    """The articles one tab shows."""
    match wanted:
        case "new":
            return articles.unread()
        case "added":
            return articles.approved()
        case "all":
            return articles
        case _:
            return articles.filter(decision=wanted)


def present_article(article: Article) -> ArticleView:
    """One article with its badges and the reasons for its scores."""
    decision = Decision(article.decision)
    icon, tone = _BADGES[decision]
    badges = [Badge(word=str(decision.label), icon=icon, tone=tone)]
    if decision == Decision.APPROVED and article.read_at is None:
        badges.insert(0, Badge(word="New", icon="dot", tone="info"))
    reasons = article.reasons if isinstance(article.reasons, dict) else {}
    return ArticleView(
        row=article,
        badges=tuple(badges),
        relevance_reason=str(_inside(reasons, "relevance", "reason")),
        quality_reason=str(_inside(reasons, "quality", "reason")),
        note=_note(article, reasons),
        site=_site(article),
        mood=_mood(article.sentiment),
    )


def _site(article: Article) -> str:
    """The site's name; its feed's where the page names none, else its host."""
    named = article.site and article.site.partition(":")[0] != article.host
    return article.site if named else str(article.source or article.host)


def _note(article: Article, reasons: dict[str, object]) -> str:
    if article.failure:
        return str(reasons.get("failure") or Failure(article.failure).label)
    if article.decision == Decision.DUPLICATE:
        return "The topic has this text already, from another address."
    return ""


def _mood(sentiment: float | None) -> str:
    if sentiment is None:
        return ""
    return "positive" if sentiment >= 0.2 else "negative" if sentiment <= -0.2 else "neutral"


def _inside(reasons: dict[str, object], part: str, key: str) -> object:
    found = reasons.get(part)
    return found.get(key, "") if isinstance(found, dict) else ""


def _counts(topic: Topic) -> dict[str, int]:
    each = {value: Count("pk", filter=Q(decision=value)) for value in Decision.values}
    new = Count("pk", filter=Q(decision=Decision.APPROVED, read_at=None))
    counts: dict[str, int] = topic.articles.order_by().aggregate(all=Count("pk"), new=new, **each)
    return {**counts, "added": counts[Decision.APPROVED]}


def _topic_view(topic: Topic, run: RunView | None, viewer: Viewer) -> TopicView:
    keywords = list(topic.keywords.all())
    include = [keyword.phrase for keyword in keywords if keyword.kind == keyword.Kind.INCLUDE]
    exclude = [keyword.phrase for keyword in keywords if keyword.kind == keyword.Kind.EXCLUDE]
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

"""What the pages show of articles: a topic's list, and each with its badges and reasons."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q

from ingest.decisions import Decision, Failure
from ingest.models import Article, ArticleQuerySet, Topic

PAGE_SIZE = 20

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


def page_of_articles(topic: Topic, query: Mapping[str, str]) -> tuple[list[Tab], Page[Article], list[ArticleView]]:
    """The tabs, and the page of the topic's articles that `query` (an address's parameters) asks for."""
    wanted = query.get("show", "all")
    if wanted not in FILTERS:
        wanted = "all"
    counts = _counts(topic)
    tabs = [Tab(key=key, word=word, count=counts[key], current=key == wanted) for key, word in FILTERS.items()]
    articles = select(topic.articles.all(), wanted).select_related("source", "duplicate_of")  # type: ignore[arg-type]
    articles = articles.defer("text", "duplicate_of__text")
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
    icon, tone = BADGES[decision]
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
        known = f"“{article.duplicate_of}”" if article.duplicate_of else "an article the topic has"
        how = "The same page" if _inside(reasons, "duplicate", "by") == "address" else "The same text"
        return f"{how} as {known}, from another address."
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

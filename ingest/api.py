"""`/api/auto-ingest/*`: start a collection, ask how it stands, read and change what a topic asks for.

`bulk_router` belongs to the seed's /api/background-tasks/bulk-analysis; it lives here because it is about articles.
"""

from typing import Any, Literal
from uuid import UUID

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from ninja import Field, Query, Router, Schema, Status

from live.errors import ApiError, invalid
from live.frames import timestamp
from tasks.exceptions import AlreadyRunning
from tasks.models import TaskRun

from . import access, presenters
from .bulk import MAX_URLS
from .decisions import Decision
from .fetch import allowed_hosts
from .forms import keywords_in
from .guard import FetchError, check_url
from .jobs import start_bulk_analysis, start_collecting
from .models import Article, Keyword, Topic

router = Router(tags=["auto-ingest"])
bulk_router = Router(tags=["background tasks"])

MAX_PAGE = 100
# One person's waiting runs; more is a mistake, or an attack.
MAX_WAITING = 50
RETRY_AFTER = 30


class RunRequest(Schema):
    """What to collect: one topic, or without `topic_id` every topic of the asker."""

    topic_id: int | None = Field(None, ge=1, le=2**63 - 1)
    dry_run: bool = False
    limit: int | None = Field(None, ge=1, le=10_000)


class RunAnswer(Schema):
    """The collection was put in line; `total_articles` is how many are known to wait before the feeds are read."""

    success: Literal[True] = True
    task_id: UUID
    message: str
    total_articles: int


class ConfigChange(Schema):
    """What to change about a topic; what is left out stays. Keyword lists replace the old ones."""

    topic_id: int = Field(ge=1, le=2**63 - 1)
    relevance_threshold: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    quality_threshold: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    language: str | None = Field(None, pattern=r"^([a-z]{2})?$")
    include: list[str] | None = Field(None, max_length=200)
    exclude: list[str] | None = Field(None, max_length=200)


class BulkRequest(Schema):
    """Addresses to read by the rules of the topic of that name; kept only with `save`."""

    urls: list[str] = Field(min_length=1, max_length=MAX_URLS)
    topic: str = Field(min_length=1, max_length=100)
    relevance_threshold: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    save: bool = False


class StartedAnswer(Schema):
    """A run was created; `task_id` is its id and its socket's job_id."""

    success: Literal[True] = True
    task_id: UUID
    message: str


@router.post("/run", response={202: RunAnswer}, summary="Run Auto-Collect")
def run(request: HttpRequest, payload: RunRequest) -> Any:
    """Collect a topic now. 409, with the run's id, when it is being collected already."""
    # All fields are optional, and the schema would take a list for an object without any.
    if not request.body.lstrip().startswith(b"{"):
        raise invalid("body", 'must be an object, such as {} or {"topic_id": 1}.')
    topic = None
    if payload.topic_id is not None:
        topic = access.get_visible_topic(request.user, payload.topic_id)
        _require_change(request, topic)
    elif not Topic.objects.owned_by(request.user).exists():
        raise ApiError(422, "invalid", "You have no topic yet. Make one under /keyword-alerts/.")
    pending = Article.objects.pending()
    pending = pending.filter(topic=topic) if topic else pending.filter(topic__owner_id=request.user.pk)
    try:
        started = start_collecting(request.user, topic, limit=payload.limit, dry_run=payload.dry_run)  # type: ignore[arg-type]
    except AlreadyRunning as error:
        name = f"“{topic.name}”" if topic else "This"
        raise ApiError(
            409, "already_running", f"{name} is being collected already.", {"task_id": str(error.run_id)}
        ) from None
    name = f"“{topic.name}”" if topic else "all your topics"
    answer = {
        "task_id": started.id,
        "message": f"Started collecting {name}.",
        "total_articles": min(pending.count(), payload.limit or 2**63 - 1),
    }
    return Status(202, answer)


@router.get("/status", summary="Show where the topics stand")
def status(request: HttpRequest) -> dict[str, Any]:
    """Every topic the asker may see: what is running, what waits, what is new."""
    topics = presenters.present_topics(request.user)
    return {
        "success": True,
        "running": sum(topic.is_collecting for topic in topics),
        "topics": [
            {
                "topic_id": topic.row.pk,
                "name": topic.row.name,
                "running": topic.is_collecting,
                "task_id": topic.run.id if topic.run else None,
                "task_status": topic.run.status if topic.run else None,
                "articles": {
                    "total": topic.total, "added": topic.added, "unread": topic.unread, "pending": topic.waiting
                },
                "sources": {"total": topic.sources, "failing": topic.failing},
            }
            for topic in topics
        ],
    }  # fmt: skip


@router.get("/pending", summary="List articles that wait for a decision")
def pending(
    request: HttpRequest,
    topic_id: int | None = Query(None, ge=1, le=2**63 - 1),
    limit: int = Query(50, ge=1, le=MAX_PAGE),
) -> dict[str, Any]:
    """Found, not decided yet; oldest first. `count` is the number of all of them."""
    articles = Article.objects.visible_to(request.user)
    if topic_id is not None:
        articles = articles.filter(topic=access.get_visible_topic(request.user, topic_id))
    waiting = articles.filter(decision=Decision.PENDING)
    return {
        "success": True,
        "count": waiting.count(),
        "articles": [
            {
                "id": article.pk,
                "topic_id": article.topic_id,
                "url": article.url,
                "title": article.title,
                "published_at": timestamp(article.published_at) if article.published_at else None,
                "found_at": timestamp(article.found_at),
            }
            for article in waiting.defer("text", "reasons").order_by("id")[:limit]
        ],
    }


@router.get("/config", summary="Show what the topics ask for")
def config(request: HttpRequest) -> dict[str, Any]:
    """Thresholds, keywords and sources of every topic the asker may see."""
    topics = Topic.objects.visible_to(request.user).prefetch_related("keywords", "sources")
    return {"success": True, "topics": [_config_of(topic) for topic in topics]}


@router.patch("/config", summary="Change what a topic asks for")
def change_config(request: HttpRequest, payload: ConfigChange) -> dict[str, Any]:
    """Counts from the next run on; what is decided stays decided."""
    topic = access.get_visible_topic(request.user, payload.topic_id)
    _require_change(request, topic)
    changes = {
        name: value
        for name in ("relevance_threshold", "quality_threshold", "language")
        if (value := getattr(payload, name)) is not None
    }
    try:
        with transaction.atomic():
            if changes:
                Topic.objects.filter(pk=topic.pk).update(**changes)
            _replace_keywords(topic, Keyword.Kind.INCLUDE, payload.include)
            _replace_keywords(topic, Keyword.Kind.EXCLUDE, payload.exclude)
    except IntegrityError:
        raise invalid("include", "a keyword cannot be included and excluded at once.") from None
    return {
        "success": True,
        "topic": _config_of(Topic.objects.prefetch_related("keywords", "sources").get(pk=topic.pk)),
    }


@bulk_router.post("/bulk-analysis", response={202: StartedAnswer}, summary="Analyse many addresses")
def bulk_analysis(request: HttpRequest, payload: BulkRequest) -> Any:
    """Read up to 500 addresses as one run. 422 says which address cannot be used."""
    topic = " ".join(payload.topic.replace("\x00", "").split())
    if not topic:
        raise invalid("topic", "is empty.")
    urls = [url.strip() for url in payload.urls]
    for number, url in enumerate(urls):
        try:
            check_url(url, allowed_hosts())
        except FetchError as error:
            raise invalid(f"urls.{number}", str(error)) from None
    if TaskRun.objects.live().filter(owner_id=request.user.pk).count() >= MAX_WAITING:
        raise ApiError(
            429, "too_many_requests", "Many of your runs are waiting. Let some end first.", retry_after=RETRY_AFTER
        )
    started = start_bulk_analysis(
        request.user,  # type: ignore[arg-type]
        urls,
        topic,
        relevance_threshold=payload.relevance_threshold,
        save=payload.save,
    )
    return Status(202, {"task_id": started.id, "message": f"Started the analysis of {len(urls):,} addresses."})


def _require_change(request: HttpRequest, topic: Topic) -> None:
    if not access.may_change(request.user, topic):
        raise ApiError(403, "forbidden", "You may look at this topic, but not change it.")


def _config_of(topic: Topic) -> dict[str, Any]:
    keywords = list(topic.keywords.all())
    return {
        "topic_id": topic.pk,
        "name": topic.name,
        "language": topic.language,
        "relevance_threshold": topic.relevance_threshold,
        "quality_threshold": topic.quality_threshold,
        "include": [one.phrase for one in keywords if one.kind == Keyword.Kind.INCLUDE],
        "exclude": [one.phrase for one in keywords if one.kind == Keyword.Kind.EXCLUDE],
        "sources": [
            {
                "id": source.pk,
                "url": source.url,
                "title": source.title,
                "health": source.health.value,
                "last_error": source.last_error,
                "failures": source.failures,
                "last_checked_at": timestamp(source.last_checked_at) if source.last_checked_at else None,
                "next_check_at": timestamp(source.next_check_at) if source.next_check_at else None,
            }
            for source in topic.sources.all()
        ],
    }


def _replace_keywords(topic: Topic, kind: Keyword.Kind, phrases: list[str] | None) -> None:
    if phrases is None:
        return
    wanted = list(keywords_in([phrase.replace("\x00", "").lstrip("- ") for phrase in phrases]))
    topic.keywords.filter(kind=kind).delete()
    topic.keywords.bulk_create([Keyword(topic=topic, phrase=phrase, kind=kind) for phrase in wanted])

"""Start a collection, ask how it stands and what waits."""

from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema, Status

from ingest import access
from ingest.decisions import Decision
from ingest.jobs import start_collecting
from ingest.models import Article, Topic
from ingest.presenters.topics import present_topics
from live.errors import ApiError, invalid
from live.frames import timestamp
from live.limits import Kind, limited
from tasks.exceptions import AlreadyRunning

from .answers import require_change

router = Router()

MAX_PAGE = 100


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


@router.post("/run", response={202: RunAnswer}, summary="Run Auto-Collect")
@limited(Kind.START)
def run(request: HttpRequest, payload: RunRequest) -> Any:
    """Collect a topic now. 409, with the run's id, when it is being collected already."""
    # All fields are optional, and the schema would take a list for an object without any.
    if not request.body.lstrip().startswith(b"{"):
        raise invalid("body", 'must be an object, such as {} or {"topic_id": 1}.')
    topic = None
    if payload.topic_id is not None:
        topic = access.get_visible_topic(request.user, payload.topic_id)
        require_change(request, topic)
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
    topics = present_topics(request.user)
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
                    "total": topic.numbers.found,
                    "added": topic.numbers.added,
                    "new": topic.numbers.new,
                    "unread": topic.numbers.unread,
                    "starred": topic.numbers.starred,
                    "pending": topic.numbers.waiting,
                },
                "sources": {"total": topic.health.total, "failing": topic.health.failing},
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

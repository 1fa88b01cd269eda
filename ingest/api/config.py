"""What the topics ask for: read it, change it."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest
from ninja import Field, Router, Schema

from ingest import access
from ingest.models import Topic
from ingest.rules import BadKeyword, Keywords, keywords_of, read_lines, save_keywords, write_line
from live.errors import invalid
from live.frames import timestamp

from .answers import require_change

router = Router()


class ConfigChange(Schema):
    """What to change about a topic; what is left out stays. Keyword lists replace the old ones.

    A keyword is a line as on the page of rules: `heat pump`, `title: tariff`, `"exactly these words"`.
    """

    topic_id: int = Field(ge=1, le=2**63 - 1)
    relevance_threshold: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    quality_threshold: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    language: str | None = Field(None, pattern=r"^([a-z]{2})?$")
    include: list[str] | None = Field(None, max_length=200)
    exclude: list[str] | None = Field(None, max_length=200)


@router.get("/config", summary="Show what the topics ask for")
def config(request: HttpRequest) -> dict[str, Any]:
    """Thresholds, keywords and sources of every topic the asker may see."""
    topics = Topic.objects.visible_to(request.user).prefetch_related("keywords", "sources")
    return {"success": True, "topics": [_config_of(topic) for topic in topics]}


@router.patch("/config", summary="Change what a topic asks for")
def change_config(request: HttpRequest, payload: ConfigChange) -> dict[str, Any]:
    """Counts from the next run on; what is decided stays decided."""
    topic = access.get_visible_topic(request.user, payload.topic_id)
    require_change(request, topic)
    changes = {
        name: value
        for name in ("relevance_threshold", "quality_threshold", "language")
        if (value := getattr(payload, name)) is not None
    }
    with transaction.atomic():
        if payload.include is not None or payload.exclude is not None:
            save_keywords(topic, _keywords(topic, payload))
        if changes:
            Topic.objects.filter(pk=topic.pk).update(**changes)
    return {
        "success": True,
        "topic": _config_of(Topic.objects.prefetch_related("keywords", "sources").get(pk=topic.pk)),
    }


def _config_of(topic: Topic) -> dict[str, Any]:
    keywords = keywords_of(topic)
    return {
        "topic_id": topic.pk,
        "name": topic.name,
        "language": topic.language,
        "relevance_threshold": topic.relevance_threshold,
        "quality_threshold": topic.quality_threshold,
        "include": [*map(write_line, keywords.include)],
        "exclude": [*map(write_line, keywords.exclude)],
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


def _keywords(topic: Topic, payload: ConfigChange) -> Keywords:
    """The topic's keywords once the lists of `payload` have replaced theirs."""
    before = keywords_of(topic)
    include = payload.include if payload.include is not None else [*map(write_line, before.include)]
    exclude = payload.exclude if payload.exclude is not None else [*map(write_line, before.exclude)]
    try:
        return read_lines([one.lstrip("- ") for one in include], exclude)
    except BadKeyword as error:
        raise invalid("include" if payload.include is not None else "exclude", str(error)) from None

"""What the topics ask for: read it, change it."""

from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from ninja import Field, Router, Schema

from ingest import access
from ingest.forms import keywords_in
from ingest.models import Keyword, Topic
from live.errors import invalid
from live.frames import timestamp

from .answers import require_change

router = Router()


class ConfigChange(Schema):
    """What to change about a topic; what is left out stays. Keyword lists replace the old ones."""

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

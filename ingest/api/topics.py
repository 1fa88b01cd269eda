"""Make a topic, delete one."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest
from ninja import Field, Router, Schema, Status

from ingest import access, jobs
from ingest.models import Topic
from ingest.rules import save_keywords
from ingest.topic_settings import BadSetting, change_settings, checked_name
from live import audit
from live.errors import ApiError, invalid
from live.limits import Kind, limited

from .answers import require_change
from .config import SettingsGiven, config_of

router = Router()

MAX_TOPICS = 1_000


class NewTopic(SettingsGiven):
    """A topic to make: a name is all it needs."""

    name: str = Field(min_length=1, max_length=100)


class TopicDeletedAnswer(Schema):
    """The topic is gone, and its articles with it."""

    success: bool = True
    deleted_articles: int


@router.post("/topics", response={201: dict[str, Any]}, summary="Make a topic")
@limited(Kind.CREATE)
def make_topic(request: HttpRequest, payload: NewTopic) -> Any:
    """A topic of the asker's own, with the rules that are given. 422 says what cannot be."""
    if Topic.objects.owned_by(request.user).count() >= MAX_TOPICS:
        raise ApiError(422, "invalid", f"You have {MAX_TOPICS:,} topics: that is the most there can be.")
    draft = Topic(owner=request.user)  # type: ignore[misc]
    try:
        draft.name = checked_name(draft, payload.name)
        with transaction.atomic():
            draft.save()
            audit.record("topic.created", draft)
            keywords = payload.keywords_for(draft)
            if keywords is not None:
                save_keywords(draft, keywords)
            change_settings(draft, **payload.columns(), collect_every=payload.collect_every, tell=payload.tell)
    except BadSetting as error:
        raise invalid(error.field, str(error)) from None
    made = Topic.objects.prefetch_related("keywords", "sources").get(pk=draft.pk)
    return Status(201, {"success": True, "topic": config_of(made)})


@router.delete("/topics/{int:topic_id}", response=TopicDeletedAnswer, summary="Delete a topic")
def delete_topic(request: HttpRequest, topic_id: int) -> Any:
    """With its keywords, sources and articles, for good. What runs for it is cancelled."""
    topic = access.get_visible_topic(request.user, topic_id)
    require_change(request, topic)
    number = topic.articles.count()
    jobs.delete_topic(topic, by=request.user)  # type: ignore[arg-type]
    return {"deleted_articles": number}

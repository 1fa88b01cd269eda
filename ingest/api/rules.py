"""Try rules before saving them; judge stored articles anew after a change."""

from dataclasses import asdict
from typing import Any

from django.http import HttpRequest
from ninja import Field, Router, Schema, Status

from ingest import access
from ingest.jobs import start_recheck
from ingest.judging.preview import Change, PreviewFailed, preview
from ingest.judging.recheck import to_recheck
from ingest.rules import rules_of
from live.errors import ApiError
from live.limits import Kind, limited
from tasks.exceptions import AlreadyRunning

from .answers import CollectionStartedAnswer, require_change
from .config import RulesGiven

router = Router()


class RulesToTry(RulesGiven):
    """Rules of a topic that nobody has saved yet; what is left out is as it is stored."""

    topic_id: int = Field(ge=1, le=2**63 - 1)


@router.post("/preview", summary="Try rules without saving them")
def try_rules(request: HttpRequest, payload: RulesToTry) -> dict[str, Any]:
    """How many of the topic's newest 200 articles the rules would match, which would come in, which would go.

    Nothing is written. `complete` is false when time ran out: `looked_at` then says how many were judged. 503 when the
    rules could not be tried in time at all.
    """
    topic = access.get_visible_topic(request.user, payload.topic_id)
    require_change(request, topic)
    try:
        found = preview(topic, payload.rules_for(topic))
    except PreviewFailed as error:
        raise ApiError(503, "unavailable", str(error), retry_after=5) from None
    return {
        "success": True,
        "asked": found.asked,
        "looked_at": found.looked_at,
        "complete": found.is_complete,
        "matches": found.matches,
        "duplicates": found.duplicates,
        "coming_in": found.coming_in,
        "going": found.going,
        "comes_in": [_change(one) for one in found.comes_in],
        "goes": [_change(one) for one in found.goes],
    }


class TopicToRecheck(Schema):
    """Whose articles to judge anew."""

    topic_id: int = Field(ge=1, le=2**63 - 1)


class RecheckAnswer(CollectionStartedAnswer):
    """The re-check was put in line; `total_articles` were judged by other rules than today's (counted to 10,000)."""

    total_articles: int


@router.post("/recheck", response={202: RecheckAnswer}, summary="Judge stored articles anew")
@limited(Kind.START)
def recheck(request: HttpRequest, payload: TopicToRecheck) -> Any:
    """By the rules of today, as a run; nothing is fetched. 409, with the run's id, when that is being done already."""
    topic = access.get_visible_topic(request.user, payload.topic_id)
    require_change(request, topic)
    number = to_recheck(topic, rules_of(topic))
    try:
        started = start_recheck(topic)
    except AlreadyRunning as error:
        said = f"“{topic.name}” is being re-checked already."
        raise ApiError(409, "already_running", said, {"task_id": str(error.run_id)}) from None
    message = f"Started judging {number:,} article{'s' * (number != 1)} anew."
    return Status(202, {"task_id": started.id, "message": message, "total_articles": number})


def _change(change: Change) -> dict[str, Any]:
    return {**asdict(change), "before": change.before.value, "after": change.after.value}

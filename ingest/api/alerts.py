"""Whom to tell at once of which articles, and what a person wants of collecting as a whole."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Field, Router, Schema, Status
from pydantic import ConfigDict

from ingest import access
from ingest.models import AlertRule, CollectPreferences
from ingest.preferences import change_preferences, preferences_of
from ingest.telling.alert_rules import MAX_PHRASE, BadAlertRule, add_rule, delete_rule
from live.errors import ApiError, invalid
from live.limits import Kind, limited

from .answers import require_change

router = Router()


class NewAlertRule(Schema):
    """Tell the topic's owner at once of an added article that is so relevant, and says the phrase if there is one."""

    topic_id: int = Field(ge=1, le=2**63 - 1)
    minimum_relevance: float = Field(0.8, ge=0, le=1, allow_inf_nan=False)
    phrase: str = Field("", max_length=MAX_PHRASE)


class Deleted(Schema):
    """It is gone."""

    success: bool = True


@router.get("/alert-rules", summary="List alert rules")
def alert_rules(request: HttpRequest) -> dict[str, Any]:
    """Of every topic the asker may see."""
    rules = AlertRule.objects.filter(topic__in=access.visible_topics(request.user)).order_by("topic", "id")
    return {"success": True, "alert_rules": [_shown(rule) for rule in rules]}


@router.post("/alert-rules", response={201: dict[str, Any]}, summary="Make an alert rule")
@limited(Kind.CREATE)
def make_alert_rule(request: HttpRequest, payload: NewAlertRule) -> Any:
    """Counts from the next article that is added. 422 for one the topic has already."""
    topic = access.get_visible_topic(request.user, payload.topic_id)
    require_change(request, topic)
    try:
        rule = add_rule(topic, minimum_relevance=payload.minimum_relevance, phrase=payload.phrase)
    except BadAlertRule as error:
        raise invalid("phrase", str(error)) from None
    return Status(201, {"success": True, "alert_rule": _shown(rule)})


@router.delete("/alert-rules/{int:rule_id}", response=Deleted, summary="Remove an alert rule")
def delete_alert_rule(request: HttpRequest, rule_id: int) -> Any:
    """What was told stays told."""
    visible = access.visible_topics(request.user)
    rule = AlertRule.objects.filter(pk=rule_id, topic__in=visible).select_related("topic").first()
    if rule is None:
        raise ApiError(404, "not_found", "No such alert rule.")
    require_change(request, rule.topic)
    delete_rule(rule)
    return {}


class CollectPreferencesChange(Schema):
    """What to change; what is left out stays. `digest_hour` is read on the site's clock."""

    model_config = ConfigDict(extra="forbid")

    auto_processing: bool | None = None
    digest: bool | None = None
    digest_hour: int | None = Field(None, ge=0, le=23)


@router.get("/preferences", summary="Show what the asker wants of collecting")
def preferences(request: HttpRequest) -> dict[str, Any]:
    """Auto-Processing for all of their topics, and the digest."""
    return _preferences(preferences_of(request.user))  # type: ignore[arg-type]


@router.patch("/preferences", summary="Change what the asker wants of collecting")
def patch_preferences(request: HttpRequest, payload: CollectPreferencesChange) -> dict[str, Any]:
    """A digest that is turned on begins with what is added from now on."""
    # All fields are optional, and the schema would take a list for an object without any.
    if not request.body.lstrip().startswith(b"{"):
        raise invalid("body", 'must be an object, such as {"digest": true}.')
    return _preferences(change_preferences(request.user, **payload.dict()))  # type: ignore[arg-type]


def _preferences(row: CollectPreferences) -> dict[str, Any]:
    return {
        "success": True,
        "auto_processing": row.auto_processing,
        "digest": row.digest,
        "digest_hour": row.digest_hour,
        "time_zone": settings.TIME_ZONE,
    }


def _shown(rule: AlertRule) -> dict[str, Any]:
    return {
        "id": rule.pk,
        "topic_id": rule.topic_id,
        "minimum_relevance": rule.minimum_relevance,
        "phrase": rule.phrase,
    }

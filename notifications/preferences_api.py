"""/api/notifications/preferences and /deliveries: what a person is told, how, and what became of it."""

from datetime import datetime, time
from typing import Any, Literal, cast

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from ninja import Field, Query, Router, Schema
from pydantic import ConfigDict

from live.errors import invalid

from .models import NotificationDelivery, NotificationPreferences
from .preferences import effective, preferences_of, save_preferences

router = Router(tags=["notifications"])

LARGEST_PAGE = 100


class TypeOut(Schema):
    """One type of notification and how soon each channel hears of it; the type "" stands for all others."""

    type: str
    label: str
    required: bool
    in_app: str
    email: str
    webhook: str


class PreferencesOut(Schema):
    """What the asker is told, and how. Times are on the clock of `time_zone`."""

    types: list[TypeOut]
    time_zone: str
    language: str = Field(description="Of pages, letters and what runs write down; empty: what the browser asks for.")
    quiet_from: time | None
    quiet_until: time | None
    daily_at: int
    webhook_url: str


class PreferencesChange(Schema):
    """What to change; what is left out stays. `chosen`: type to channel to when."""

    model_config = ConfigDict(extra="forbid")

    chosen: dict[str, dict[Literal["in_app", "email", "webhook"], str]] | None = Field(None, max_length=200)
    time_zone: str | None = Field(None, max_length=64)
    language: str | None = Field(None, max_length=10)
    quiet_from: time | None = None
    quiet_until: time | None = None
    daily_at: int | None = Field(None, ge=0, le=23)
    webhook_url: str | None = Field(None, max_length=1000)


class DeliveryOut(Schema):
    """Something that was to leave the site, and what became of it."""

    id: int
    channel: str
    title: str
    state: str
    attempts: int
    created_at: datetime
    due_at: datetime
    ended_at: datetime | None
    outcome: str


class DeliveriesOut(Schema):
    """The newest deliveries of the asker; go on with `before` = the last id."""

    deliveries: list[DeliveryOut]


@router.get("/preferences", response=PreferencesOut, summary="What I am told")
def get_preferences(request: HttpRequest) -> PreferencesOut:
    """Every type of notification, and how soon each channel hears of it."""
    return _out(preferences_of(_user(request)))


@router.patch("/preferences", response=PreferencesOut, summary="Change what I am told")
def change_preferences(request: HttpRequest, change: PreferencesChange) -> PreferencesOut:
    """Counts for what is told from now on. 422 names the field that cannot be so."""
    given = change.model_dump(exclude_unset=True)
    nullable = {"quiet_from", "quiet_until"}
    try:
        row = save_preferences(
            _user(request), **{name: value for name, value in given.items() if value is not None or name in nullable}
        )
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise invalid(field, messages[0]) from error
    return _out(row)


@router.get("/deliveries", response=DeliveriesOut, summary="What was sent to me")
def deliveries(
    request: HttpRequest,
    before: int | None = Query(None, ge=1, le=2**63 - 1),
    limit: int = Query(50, ge=1, le=LARGEST_PAGE),
) -> dict[str, Any]:
    """Letters and webhooks of the asker, newest first."""
    rows = NotificationDelivery.objects.filter(user_id=_user(request).pk).order_by("-id")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return {"deliveries": list(rows[:limit])}


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


def _out(row: NotificationPreferences) -> PreferencesOut:
    return PreferencesOut(
        types=[
            TypeOut(type=kind.name, label=str(kind.label), required=kind.is_required, **channels)
            for kind, channels in effective(row)
        ],
        time_zone=row.time_zone,
        language=row.language,
        quiet_from=row.quiet_from,
        quiet_until=row.quiet_until,
        daily_at=row.daily_at,
        webhook_url=row.webhook_url,
    )

"""/api/notifications: JSON for the signed-in user."""

from datetime import datetime
from typing import Annotated, Any

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema
from ninja.responses import Status
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, ConfigDict, StrictInt, model_validator

from live import audit
from live.errors import NO_NUL, ApiError, invalid
from live.etags import POLLING, is_known
from live.limits import Kind, limited
from live.moments import in_utc

from . import facade, links
from .news import fields_of
from .paging import LARGEST_PAGE, BadCursor

router = Router(tags=["notifications"])

LARGEST_ID = 2**31 - 1


class Listing(Schema):
    """What of the list is wanted."""

    unread_only: bool = False
    type: str | None = Field(None, max_length=facade.TYPE_MAX_LENGTH, pattern=NO_NUL)
    limit: int = Field(50, ge=1, le=LARGEST_PAGE)
    cursor: str | None = Field(None, max_length=200)


class NotificationOut(Schema):
    """One notification; `read` is the asker's own."""

    id: int
    username: str | None
    type: str
    title: str
    message: str
    link: str | None
    read: bool
    created_at: datetime


class PageOut(Schema):
    """A page of notifications; `count` is the number matching on all pages together."""

    notifications: list[dict[str, Any]]
    count: int
    unread_count: int
    next_cursor: str | None


class CountOut(Schema):
    """A number."""

    count: int


class Success(Schema):
    """It is done."""

    success: bool = True


class SuccessWithCount(Success):
    """It is done, to so many."""

    count: int


def _written_time(value: Any) -> Any:
    """A time is written out: a bare number or its text would be taken for seconds since 1970."""
    if not isinstance(value, str) or "T" not in value.upper():
        raise ValueError("neither an id nor a time like 2026-01-31T12:00:00Z")
    return value


class MarkAll(Schema):
    """Up to what: the id or the time of the newest notification seen. Later ones stay unread."""

    model_config = ConfigDict(extra="forbid")

    up_to: StrictInt | Annotated[AwareDatetime, BeforeValidator(_written_time), AfterValidator(in_utc)] | None = None


class Sending(Schema):
    """A notification to send, to exactly one of: a user, a group of users, everyone."""

    model_config = ConfigDict(extra="forbid")

    username: str | None = Field(None, max_length=150, pattern=NO_NUL)
    group: str | None = Field(None, max_length=150, pattern=NO_NUL)
    everyone: bool = False
    type: str = Field("message", min_length=1, max_length=facade.TYPE_MAX_LENGTH)
    title: Annotated[str, Field(min_length=1, max_length=facade.TITLE_MAX_LENGTH)]
    message: Annotated[str, Field(min_length=1, max_length=facade.MESSAGE_MAX_LENGTH)]
    link: str | None = None

    @model_validator(mode="after")
    def one_addressee(self) -> "Sending":
        """Not none, not two."""
        if [self.username is not None, self.group is not None, self.everyone].count(True) != 1:
            raise ValueError("name exactly one of username, group, everyone")
        return self


class Sent(Success):
    """How many notifications were made, and which."""

    count: int
    ids: list[int]


def _user(request: HttpRequest) -> User:
    # Signed in: the API's auth has seen to that.
    return request.user  # type: ignore[return-value]


def _found(found: bool) -> Success:
    if not found:
        raise Http404
    return Success()


@router.get(
    "",
    response={200: PageOut, 304: None},
    description=f"The user's notifications, newest first, their own and broadcasts. {POLLING}",
)
@router.get("/", response={200: PageOut, 304: None}, include_in_schema=False)
def list_notifications(request: HttpRequest, response: HttpResponse, listing: Query[Listing]) -> PageOut | Status[None]:
    """The rows have no version, and staff may reword them: the tag is made of all they say."""
    try:
        page = facade.get_user_notifications(_user(request), **listing.dict())
    except BadCursor as error:
        raise invalid("cursor", str(error)) from error
    answer = PageOut(
        notifications=[fields_of(notification) for notification in page.notifications],
        count=page.count,
        unread_count=page.unread_count,
        next_cursor=page.next_cursor,
    )
    return Status(304, None) if is_known(request, response, answer) else answer


@router.post("", response={201: Sent})
@router.post("/", response={201: Sent}, include_in_schema=False)
@limited(Kind.SEND)
def send_notification(request: HttpRequest, sending: Sending) -> Status[Sent]:
    """Notify a user, a group of users, or everyone. Needs the permission `notifications.send`."""
    if not _user(request).has_perm("notifications.send"):
        raise ApiError(403, "forbidden", "You may not send notifications.")
    texts = {name: getattr(sending, name) for name in ("type", "title", "message", "link")}
    try:
        with transaction.atomic():
            if sending.group is not None:
                group = Group.objects.filter(name=sending.group).first()
                if group is None:
                    raise invalid("group", "there is no group of that name")
                made = facade.notify_group(group, **texts)
            else:
                made = [facade.create_notification(username=sending.username, **texts)]
            to = {"group": sending.group, "user": sending.username, "everyone": sending.everyone}
            sent: dict[str, Any] = {key: value for key, value in to.items() if value}
            audit.record("notification.sent", made[0] if made else "", number=len(made), title=sending.title, **sent)
    except links.LinkRefused as error:
        raise invalid("link", str(error)) from error
    except facade.UnknownRecipient as error:
        raise invalid("username", "there is no user of that name") from error
    return Status(201, Sent(count=len(made), ids=[notification.pk for notification in made]))


@router.get(
    "/unread-count",
    response={200: CountOut, 304: None},
    description=f"How many notifications the user has not read; 100 means that or more. {POLLING}",
)
def unread_count(request: HttpRequest, response: HttpResponse) -> CountOut | Status[None]:
    """One number, and its tag."""
    count = facade.get_unread_count(_user(request))
    return Status(304, None) if is_known(request, response, count) else CountOut(count=count)


@router.post("/mark-all-read", response=SuccessWithCount)
def mark_all_read(request: HttpRequest, what: MarkAll | None = None) -> SuccessWithCount:
    """Mark everything read; with `up_to`, what arrived after it stays unread."""
    up_to = what.up_to if what is not None else None
    return SuccessWithCount(count=facade.mark_all_notifications_as_read(_user(request), up_to=up_to))


@router.delete("/read", response=SuccessWithCount)
def delete_read(request: HttpRequest) -> SuccessWithCount:
    """Delete what the user has read; broadcasts are dismissed for this user alone."""
    return SuccessWithCount(count=facade.delete_read_notifications(_user(request)))


@router.post("/{int:notification_id}/mark-read", response=Success)
def mark_read(request: HttpRequest, notification_id: int) -> Success:
    """Mark one read for the user; twice is fine."""
    return _found(facade.mark_notification_as_read(notification_id, _user(request)))


@router.post("/{int:notification_id}/mark-unread", response=Success)
def mark_unread(request: HttpRequest, notification_id: int) -> Success:
    """Mark one unread for the user; twice is fine."""
    return _found(facade.mark_notification_as_unread(notification_id, _user(request)))


@router.delete("/{int:notification_id}", response=Success)
def delete(request: HttpRequest, notification_id: int) -> Success:
    """Delete the user's own; dismiss a broadcast for this user alone."""
    return _found(facade.delete_notification(notification_id, _user(request)))

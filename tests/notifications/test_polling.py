"""Polling notifications with an ETag: 304 for as long as an answer would say the same, and not a moment longer."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from notifications import facade
from notifications.models import Notification

pytestmark = pytest.mark.django_db

URL = "/api/notifications"
LISTS = ["", "?unread_only=true", "?limit=1"]

type ClientOf = Callable[[User], Client]


def notify(username: str | None = "owner", **fields: Any) -> Notification:
    return facade.create_notification(username=username, **{"type": "t", "title": "T", "message": "M", **fields})


def poll(client: Client, path: str, etag: str = "") -> Any:
    """Ask as a poller does that holds the answer with `etag`."""
    return client.get(URL + path, headers={"If-None-Match": etag} if etag else {})


@pytest.mark.parametrize("path", [*LISTS, "/unread-count"])
def test_nothing_new_is_304_without_a_body(client_of: ClientOf, owner: User, path: str) -> None:
    notify()
    client = client_of(owner)
    first = poll(client, path)
    again = poll(client, path, first.headers["ETag"])
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert again.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("path", [*LISTS, "/unread-count"])
@pytest.mark.parametrize(
    "change",
    [
        lambda one, user: notify(),
        lambda one, user: notify(None),
        lambda one, user: facade.mark_notification_as_read(one.pk, user),
        lambda one, user: facade.delete_notification(one.pk, user),
        lambda one, user: facade.mark_all_notifications_as_read(user),
    ],
    ids=["new", "broadcast", "read", "deleted", "all read"],
)
def test_any_change_is_told(
    client_of: ClientOf, owner: User, path: str, change: Callable[[Notification, User], object]
) -> None:
    for _ in range(2):
        one = notify()
    client = client_of(owner)
    etag = poll(client, path).headers["ETag"]
    assert poll(client, path, etag).status_code == 304
    change(one, owner)
    assert poll(client, path, etag).status_code == 200


def test_what_staff_reword_is_told(client_of: ClientOf, owner: User) -> None:
    one = notify()
    client = client_of(owner)
    etag = poll(client, "").headers["ETag"]
    Notification.objects.filter(pk=one.pk).update(title="Reworded")
    assert poll(client, "", etag).json()["notifications"][0]["title"] == "Reworded"


@pytest.mark.parametrize("path", [*LISTS, "/unread-count"])
def test_each_user_has_their_own(client_of: ClientOf, owner: User, stranger: User, path: str) -> None:
    etag = poll(client_of(owner), path).headers["ETag"]
    assert poll(client_of(stranger), path, etag).status_code == 200


def test_one_filter_does_not_stand_for_another(client_of: ClientOf, owner: User) -> None:
    notify()
    client = client_of(owner)
    etag = poll(client, "").headers["ETag"]
    assert poll(client, "?unread_only=true", etag).status_code == 200

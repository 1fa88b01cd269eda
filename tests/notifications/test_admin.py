"""Notifications in the admin."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notifications import facade
from notifications.models import Notification

pytestmark = pytest.mark.django_db

LIST = "/admin/notifications/notification/"

type ClientOf = Callable[[User], Client]


def notify(username: str | None, title: str) -> Notification:
    return facade.create_notification(username=username, type="t", title=title, message="M")


def test_staff_lists_filters_and_searches(staff: User, owner: User, client_of: ClientOf) -> None:
    notify("owner", "Personal word")
    notify(None, "Word for all")
    client = client_of(staff)
    every = client.get(LIST).content.decode()
    assert "Personal word" in every
    assert "Word for all" in every
    assert "everyone" in every
    assert "Word for all" not in client.get(LIST, {"q": "personal"}).content.decode()
    assert "Personal word" not in client.get(LIST, {"user__isempty": "1"}).content.decode()
    assert "Word for all" not in client.get(LIST, {"q": "owner"}).content.decode()


def test_a_longer_list_costs_no_more_queries(staff: User, owner: User, client_of: ClientOf) -> None:
    client = client_of(staff)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(LIST).status_code == 200
        return len(queries)

    notify("owner", "one")
    cost_of_one = cost()
    for number in range(10):
        notify("owner", str(number))
    assert cost() == cost_of_one


def test_receipts_are_shown_and_cannot_be_edited(staff: User, owner: User, client_of: ClientOf) -> None:
    broadcast, personal = notify(None, "B"), notify("owner", "P")
    facade.mark_notification_as_read(broadcast.pk, owner)
    client = client_of(staff)
    page = client.get(f"{LIST}{broadcast.pk}/change/").content.decode()
    assert "owner" in page
    assert 'name="receipts-0-read_at' not in page
    assert "receipts-TOTAL_FORMS" in page
    assert "receipts-TOTAL_FORMS" not in client.get(f"{LIST}{personal.pk}/change/").content.decode()


def test_staff_writes_a_notification_and_its_reader_hears_of_it(
    staff: User, owner: User, client_of: ClientOf, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    form = {"user": "owner", "type": "t", "title": "From staff", "message": "M", "link": "/tasks/"}
    with django_capture_on_commit_callbacks() as published:
        response = client_of(staff).post(f"{LIST}add/", form)
    assert response.status_code == 302, response.content.decode()
    made = Notification.objects.get()
    assert (made.username, len(published)) == ("owner", 1)
    with django_capture_on_commit_callbacks() as published:
        client_of(staff).post(f"{LIST}{made.pk}/change/", {**form, "read": "on"})
    assert facade.get_unread_count(owner) == 0
    assert len(published) == 1


def test_a_link_that_leads_elsewhere_is_refused_in_the_form(staff: User, client_of: ClientOf) -> None:
    form = {"type": "t", "title": "T", "message": "M", "link": "javascript:alert(1)"}
    response = client_of(staff).post(f"{LIST}add/", form)
    assert response.status_code == 200
    assert "path on this site" in response.content.decode()
    assert not Notification.objects.exists()


def test_ordinary_users_do_not_get_in(owner: User, client_of: ClientOf) -> None:
    assert client_of(owner).get(LIST).status_code == 302

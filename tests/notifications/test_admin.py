"""Notifications in the admin."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notifications import facade
from notifications.models import Notification, NotificationDelivery
from notifications.preferences import save_preferences

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
    assert (made.username, len(published)) == ("owner", 2)  # what its reader hears, and what /metrics counts
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


COMPOSE = "/admin/notifications/notification/compose/"
WORDS = {
    "audience": "everyone",
    "severity": "warning",
    "title": "Maintenance <b>tonight</b>",
    "message": "22:00",
    "lifetime": "24",
}


def test_writing_to_everyone_is_looked_at_before_it_is_sent(staff: User, owner: User, client_of: ClientOf) -> None:
    client = client_of(staff)
    preview = client.post(COMPOSE, {**WORDS, "preview": "1"}).content.decode()
    assert "Maintenance &lt;b&gt;tonight&lt;/b&gt;" in preview
    assert "2 people" in preview
    assert not Notification.objects.exists()
    assert 'value="Maintenance &lt;b&gt;' in client.post(COMPOSE, {**WORDS, "edit": "1"}).content.decode()
    assert client.post(COMPOSE, {**WORDS, "send": "1"}).status_code == 302
    [sent] = Notification.objects.all()
    assert (sent.username, sent.severity, sent.type) == (None, "warning", "announcement")
    assert sent.more is not None
    assert sent.more.expires_at is not None
    assert facade.get_unread_count(owner) == 1


def test_writing_to_a_group_or_some_reaches_them_alone(
    staff: User, owner: User, teammate: User, stranger: User, client_of: ClientOf
) -> None:
    team = Group.objects.create(name="team")
    team.user_set.add(owner)
    client = client_of(staff)
    client.post(COMPOSE, {**WORDS, "audience": "group", "group": team.pk, "send": "1"})
    client.post(COMPOSE, {**WORDS, "audience": "users", "users": "teammate\nowner\nowner", "send": "1"})
    assert [facade.get_unread_count(user) for user in (owner, teammate, stranger)] == [2, 1, 0]
    assert {one.severity for one in Notification.objects.all()} == {"warning"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"audience": "group"}, "Which group?"),
        ({"audience": "users"}, "Who?"),
        ({"audience": "users", "users": "nobody"}, "There is nobody called nobody."),
        ({"link": "javascript:alert(1)"}, "path on this site"),
        ({"title": ""}, "This field is required."),
    ],
)
def test_what_cannot_be_sent_is_said_and_not_sent(
    staff: User, client_of: ClientOf, change: dict[str, str], says: str
) -> None:
    assert says in client_of(staff).post(COMPOSE, {**WORDS, **change, "send": "1"}).content.decode()
    assert not Notification.objects.exists()


def test_only_who_may_send_writes_to_many(owner: User, staff: User, client_of: ClientOf) -> None:
    staff.user_permissions.remove(Permission.objects.get(codename="send"))
    assert client_of(staff).post(COMPOSE, {**WORDS, "send": "1"}).status_code == 403
    assert client_of(owner).post(COMPOSE, {**WORDS, "send": "1"}).status_code == 302
    assert not Notification.objects.exists()
    assert "Write to many" not in client_of(staff).get(LIST).content.decode()


def test_what_is_deleted_in_the_admin_is_withdrawn_from_everyone(staff: User, owner: User, client_of: ClientOf) -> None:
    broadcast = notify(None, "B")
    client_of(staff).post(f"{LIST}{broadcast.pk}/delete/", {"post": "yes"})
    client_of(staff).post(
        LIST, {"action": "delete_selected", "_selected_action": notify("owner", "P").pk, "post": "yes"}
    )
    assert facade.get_unread_count(owner) == 0


def test_what_staff_adds_is_told_as_any_other_is(staff: User, owner: User, client_of: ClientOf) -> None:
    User.objects.filter(pk=owner.pk).update(email="owner@example.com")
    save_preferences(owner, chosen={"": {"email": "at_once"}})
    added = {"user": owner.pk, "type": "t", "title": "T", "message": "M", "link": "", "read": ""}
    answer = client_of(staff).post(f"{LIST}add/", {**added, "user": owner.username})
    assert answer.status_code == 302, answer.content.decode()
    assert NotificationDelivery.objects.get().user == owner


@pytest.mark.parametrize("model", ["notificationreceipt", "notificationdelivery"])
def test_what_the_program_keeps_is_looked_at_alone(staff: User, owner: User, client_of: ClientOf, model: str) -> None:
    broadcast = notify(None, "Word for all")
    facade.mark_notification_as_read(broadcast.pk, owner)
    NotificationDelivery.objects.create(user=owner, channel="email", title="Word for all", due_at=broadcast.created_at)
    client = client_of(staff)
    assert "Word for all" in client.get(f"/admin/notifications/{model}/", {"q": "owner"}).content.decode()
    assert client.get(f"/admin/notifications/{model}/add/").status_code == 403

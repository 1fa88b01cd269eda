"""The notifications page, the panel and the bell, as forms and as htmx sees them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse

from notifications import facade
from notifications.models import Notification
from notifications.presenters import render_notification_fragments
from tests.pages.reading import page, queries_to_render, read

type ClientOf = Callable[[User], Client]
LIST = "/notifications/"
HTMX = {"HX-Request": "true"}


def notify(username: str | None = "owner", title: str = "Import: completed", link: str | None = None) -> Notification:
    return facade.create_notification(
        username=username, type="task_completed", title=title, message="All done.", link=link
    )


def test_opening_a_notification_marks_it_read_and_follows_its_link(owner: User, client_of: ClientOf) -> None:
    notice = notify(link="/tasks/")
    client = client_of(owner)
    form = page(client, LIST).one("form", action=reverse("notifications:open", args=[notice.pk]))
    assert client.post(form.attrs["action"])["Location"] == "/tasks/"
    assert facade.get_unread_count(owner) == 0


def test_a_link_that_leads_away_is_not_followed_even_when_it_got_into_the_table(
    owner: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = notify(link="/tasks/")
    monkeypatch.setattr("notifications.models.messages.is_local_path", lambda link: False)
    answer = client_of(owner).post(reverse("notifications:open", args=[notice.pk]))
    assert answer["Location"] == LIST


def test_read_unread_and_dismiss_are_the_readers_own(owner: User, teammate: User, client_of: ClientOf) -> None:
    broadcast = notify(None, "Maintenance")
    client, other = client_of(owner), client_of(teammate)
    client.post(reverse("notifications:read", args=[broadcast.pk]))
    assert page(client, LIST).one(id="bell-count").attrs["data-unread"] == "0"
    assert page(other, LIST).one(id="bell-count").attrs["data-unread"] == "1"
    client.post(reverse("notifications:unread", args=[broadcast.pk]))
    assert page(client, LIST).one(id="bell-count").attrs["data-unread"] == "1"
    client.post(reverse("notifications:delete", args=[broadcast.pk]))
    assert "No notifications yet" in page(client, LIST).text
    assert "Maintenance" in page(other, LIST).text


@pytest.mark.parametrize("action", ["open", "read", "unread", "delete"])
def test_a_strangers_notification_is_not_there(owner: User, stranger: User, client_of: ClientOf, action: str) -> None:
    notice = notify()
    answer = client_of(stranger).post(reverse(f"notifications:{action}", args=[notice.pk]))
    assert answer.status_code == 404
    assert facade.get_unread_count(owner) == 1


def test_mark_all_leaves_what_arrived_after_the_page_was_made(owner: User, client_of: ClientOf) -> None:
    notify(title="Seen")
    client = client_of(owner)
    up_to = page(client, LIST).one("input", name="up_to").attrs["value"]
    notify(title="Not seen")
    client.post(reverse("notifications:read-all"), {"up_to": up_to})
    unread = page(client, f"{LIST}?show=unread")
    assert [notice.one(class_="notice-title").text for notice in unread.all("article")] == ["Unread: Not seen"]


@pytest.mark.parametrize("up_to", ["", "nonsense", "2026-99-99T00:00", "2020-01-01T00:00"])
def test_mark_all_with_a_time_nobody_understands_means_now(owner: User, client_of: ClientOf, up_to: str) -> None:
    notify()
    assert client_of(owner).post(reverse("notifications:read-all"), {"up_to": up_to}).status_code == 302
    assert facade.get_unread_count(owner) == 0


def test_clear_read_keeps_the_unread(owner: User, client_of: ClientOf) -> None:
    facade.mark_notification_as_read(notify(title="Old").pk, owner)
    notify(title="New")
    client = client_of(owner)
    document = read(client.post(reverse("notifications:clear-read"), follow=True).content)
    assert "1 read notification cleared" in document.one(class_="messages").text
    assert len(document.all("article")) == 1


def test_a_change_comes_back_to_the_page_it_was_made_on_and_no_other_site(owner: User, client_of: ClientOf) -> None:
    notice = notify()
    client = client_of(owner)
    read_it = reverse("notifications:read", args=[notice.pk])
    assert client.post(read_it, {"next": f"{LIST}?show=unread"})["Location"] == f"{LIST}?show=unread"
    assert client.post(read_it, {"next": "https://evil.example/"})["Location"] == LIST


def test_htmx_gets_the_panel_and_the_bells_number(owner: User, client_of: ClientOf) -> None:
    notify(title="Another")
    notice = notify()
    answer = client_of(owner).post(reverse("notifications:read", args=[notice.pk]), headers=HTMX)
    document = read(answer.content)
    assert len(document.all("article")) == 2
    assert document.one(id="bell-count").attrs == {
        "id": "bell-count",
        "class": "bell-count",
        "data-unread": "1",
        "hx-swap-oob": "true",
    }


def test_what_another_tab_dismissed_first_is_no_error_in_the_panel(owner: User, client_of: ClientOf) -> None:
    notice = notify()
    facade.delete_notification(notice.pk, owner)
    answer = client_of(owner).post(reverse("notifications:read", args=[notice.pk]), headers=HTMX)
    assert answer.status_code == 200
    assert "No notifications yet" in read(answer.content).text


def test_pages_of_notifications_go_on_where_the_last_one_ended(owner: User, client_of: ClientOf, settings: Any) -> None:
    settings.NOTIFICATIONS_STORM_LIMIT = 100
    for number in range(45):
        notify(title=f"Notice {number}")
    client, path, seen = client_of(owner), LIST, 0
    for _ in range(3):
        document = page(client, path)
        seen += len(document.all("article"))
        following = document.all("a", rel="next")
        path = LIST + following[0].attrs["href"] if following else ""
    assert (seen, path) == (45, "")
    assert client.get(f"{LIST}?after=damaged")["Location"] == LIST


def test_the_bell_is_a_link_that_says_how_many_are_unread(owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)
    assert page(client, "/").one("a", class_="bell").text == "Notifications"
    notify()
    bell = page(client, "/").one("a", class_="bell")
    assert bell.attrs["href"] == LIST
    assert bell.text == "1 Notifications, 1 unread"
    assert bell.one(class_="bell-number").attrs["aria-hidden"] == "true"


@pytest.mark.parametrize(("count", "shown"), [(0, ""), (1, "1"), (99, "99"), (100, "99+"), (4321, "99+")])
def test_the_fragment_of_the_bell_says_99_at_most(count: int, shown: str) -> None:
    document = read(render_notification_fragments({"type": "unread_count", "unread_count": count}))
    number = document.all(class_="bell-number")
    assert (number[0].text if number else "") == shown
    assert document.children[0].attrs["hx-swap-oob"] == "true"


def test_a_page_shows_what_it_can_when_the_bell_cannot_count(
    owner: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(user: User) -> int:
        raise DatabaseError("gone")

    monkeypatch.setattr("notifications.facade.unread_count_of", away)
    assert page(client_of(owner), "/").one(id="bell-count").attrs["data-unread"] == "0"


def test_the_cost_of_the_page_does_not_grow_with_its_rows(owner: User, client_of: ClientOf) -> None:
    notify()
    client = client_of(owner)
    paths = (LIST, reverse("notifications:panel"))
    before = [queries_to_render(client, path) for path in paths]
    for _ in range(8):
        notify()
        notify(None)
    assert [queries_to_render(client, path) for path in paths] == before

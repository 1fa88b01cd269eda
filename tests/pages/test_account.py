"""A person's own account: profile, clock and password."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
from django.urls import reverse

from notifications.models import NotificationPreferences
from notifications.preferences import save_preferences
from tests.pages.reading import complaints, page, read
from tests.tasks.runs import make_run

type ClientOf = Callable[[User], Client]

PROFILE = reverse("profile")
PASSWORD = reverse("change-password")
ASKED = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org", "time_zone": "Asia/Tokyo"}


def test_a_profile_is_shown_changed_and_leaves_the_rest_alone(owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)
    save_preferences(owner, daily_at=6)
    assert complaints(page(client, PROFILE)) == []
    assert client.post(PROFILE, {**ASKED, "username": "root", "is_staff": "1"})["Location"] == PROFILE
    owner.refresh_from_db()
    assert (owner.get_full_name(), owner.email) == ("Ada Lovelace", "ada@example.org")
    assert (owner.username, owner.is_staff) == ("owner", False)
    row = NotificationPreferences.objects.get(user=owner)
    assert (row.time_zone, row.daily_at) == ("Asia/Tokyo", 6)


@pytest.mark.parametrize(
    ("field", "value"),
    [("email", "not an address"), ("language", "tlh"), ("time_zone", "Mars/Olympus"), ("first_name", "x" * 151)],
)
def test_a_profile_that_cannot_be_is_said_so_and_nothing_changes(
    owner: User, client_of: ClientOf, field: str, value: str
) -> None:
    answer = client_of(owner).post(PROFILE, {**ASKED, field: value})
    document = read(answer.content)
    assert answer.status_code == 422
    assert complaints(document) == []
    assert document.one(id=f"id_{field}_error").text
    owner.refresh_from_db()
    assert owner.email == ""
    assert not NotificationPreferences.objects.exists()


def shown_times(client: Client, path: str) -> set[str]:
    """The zones of the exact times that a page shows."""
    titles = [time.attrs["title"] for time in page(client, path).all("time")]
    return {title.split()[-1] for title in titles}


def test_times_are_shown_and_read_on_the_clock_of_each_person(owner: User, stranger: User, client_of: ClientOf) -> None:
    save_preferences(owner, time_zone="Asia/Tokyo")
    make_run(owner)
    make_run(stranger)
    mine, theirs = client_of(owner), client_of(stranger)
    assert shown_times(mine, "/tasks/") == {"JST"}
    assert shown_times(theirs, "/tasks/") == {"UTC"}  # the one before left nothing behind
    assert page(mine, "/tasks/").one("html").attrs["data-zone"] == "Asia/Tokyo"
    assert "data-zone" not in page(theirs, "/tasks/").one("html").attrs
    asked = page(mine, "/tasks/?created_after=2026-11-24T08:30")
    assert "24 Nov 2026, 08:30 JST" in asked.text
    # What the page asks the API, which has a clock of its own, is the same moment.
    assert "2026-11-23T23%3A30%3A00%2B00%3A00" in asked.all(class_="live")[0].attrs["data-poll"]


@pytest.mark.django_db(transaction=True)
async def test_it_is_the_same_on_the_server_that_pages_come_from() -> None:
    user = await User.objects.acreate_user("ada")
    await NotificationPreferences.objects.acreate(user=user, time_zone="Asia/Tokyo")
    client = AsyncClient()
    await client.aforce_login(user)
    assert re.search(r"Your clock</dt><dd class=\"number\">[^<]* JST", (await client.get(PROFILE)).content.decode())


def test_a_zone_this_machine_does_not_know_breaks_no_page(owner: User, client_of: ClientOf) -> None:
    NotificationPreferences.objects.create(user=owner, time_zone="Mars/Olympus")
    make_run(owner)
    assert shown_times(client_of(owner), "/tasks/") == {"UTC"}


def test_pages_speak_the_language_that_was_chosen_else_the_one_the_browser_asks_for(
    owner: User, stranger: User, client_of: ClientOf
) -> None:
    mine, theirs = client_of(owner), client_of(stranger)
    assert mine.post(PROFILE, {**ASKED, "language": "de"})["Location"] == PROFILE
    assert theirs.get(PROFILE)["Content-Language"] == "en"
    asking = {"Accept-Language": "es-MX,es;q=0.9,en;q=0.5"}
    assert mine.get(PROFILE, headers=asking)["Content-Language"] == "de"
    assert theirs.get(PROFILE, headers=asking)["Content-Language"] == "es"
    assert Client().get(reverse("sign-in"), headers=asking)["Content-Language"] == "es"
    mine.post(PROFILE, {**ASKED, "language": ""})
    assert mine.get(PROFILE)["Content-Language"] == "en"


def test_another_password_ends_the_sessions_elsewhere_and_not_this_one(owner: User, client_of: ClientOf) -> None:
    here, elsewhere = client_of(owner), client_of(owner)
    new = {"new_password1": "battery staple 9", "new_password2": "battery staple 9"}
    refused = here.post(PASSWORD, {"old_password": "wrong", **new})
    document = read(refused.content)
    assert complaints(document) == []
    assert "incorrect" in document.one(id="id_old_password_error").text
    answer = here.post(PASSWORD, {"old_password": "correct horse", **new}, follow=True)
    assert answer.redirect_chain == [(PROFILE, 302)]
    assert "Your password is changed" in read(answer.content).one(class_="messages").text
    assert elsewhere.get(PROFILE).status_code == 302
    owner.refresh_from_db()
    assert owner.check_password("battery staple 9")


def test_the_menu_of_every_page_leads_to_what_is_ones_own(owner: User, client_of: ClientOf) -> None:
    menu = page(client_of(owner), reverse("dashboard")).one("details", class_="menu")
    assert [link.text for link in menu.all("a")] == ["Profile and password", "What you are told", "Collecting"]
    leave = menu.one("form")
    assert (leave.attrs["method"], leave.attrs["action"]) == ("post", reverse("sign-out"))

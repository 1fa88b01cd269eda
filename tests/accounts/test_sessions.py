"""Where one is signed in: what is noted, who sees it, and what ending a session ends."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import sessions
from accounts.devices import in_words
from accounts.models import UserSession
from tests.live.isolation import clean_live_state
from tests.live.sockets import session_of, socket_of
from tests.pages.reading import complaints, page, queries_to_render

pytestmark = pytest.mark.django_db

PAGE = "/profile/sessions/"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile Safari/604.1"
LAPTOP = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"

type ClientOf = Callable[[User], Client]


def on(agent: str, user: User) -> Client:
    """A browser in which `user` has signed in by the form."""
    client = Client(headers={"User-Agent": agent})
    answer = client.post(reverse("sign-in"), {"username": user.username, "password": "correct horse"})
    assert answer.status_code == 302
    return client


def key_of(client: Client) -> str:
    return client.session.session_key or ""


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (PHONE, "Safari on iPhone"),
        (LAPTOP, "Firefox on Windows"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/140.0 Safari/537.36",
            "Chrome on macOS",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Linux"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5 Linux", "Linux"),
        ("", "Unknown device"),
        ("<script>", "Unknown device"),
    ],
)
def test_a_device_is_told_in_words(agent: str, words: str) -> None:
    assert in_words(agent) == words


def test_one_sees_where_one_is_signed_in_and_which_of_them_this_is(owner: User, stranger: User) -> None:
    on("curl", stranger)
    phone, laptop = on(PHONE, owner), on(LAPTOP, owner)
    document = page(phone, PAGE)
    assert complaints(document) == []
    cards = document.all("article")
    assert [card.one("h2").text for card in cards] == ["Safari on iPhone", "Firefox on Windows"]
    assert ["This one" in card.text for card in cards] == [True, False]
    Session.objects.filter(pk=key_of(laptop)).update(expire_date=timezone.now())
    assert len(page(phone, PAGE).all("article")) == 1
    assert not page(phone, PAGE).all("button", class_="button-danger")


def test_a_session_ended_elsewhere_is_signed_out_there_and_nowhere_else(owner: User, stranger: User) -> None:
    phone, laptop, other = on(PHONE, owner), on(LAPTOP, owner), on(LAPTOP, stranger)
    path = reverse("session-end", args=[UserSession.objects.get(session_id=key_of(laptop)).pk])
    assert other.post(path).status_code == 404
    assert laptop.get(PAGE).status_code == 200
    assert phone.post(path)["Location"] == PAGE
    assert [laptop.get(PAGE).status_code, phone.get(PAGE).status_code, other.get(PAGE).status_code] == [302, 200, 200]
    assert phone.post(path).status_code == 404


def test_ending_the_session_one_is_in_signs_out(owner: User) -> None:
    phone = on(PHONE, owner)
    path = reverse("session-end", args=[UserSession.objects.get().pk])
    assert phone.post(path)["Location"] == reverse("sign-in")
    assert not UserSession.objects.exists() and not Session.objects.exists()


def test_all_others_are_ended_at_once(owner: User, stranger: User) -> None:
    phone, laptop, other = on(PHONE, owner), on(LAPTOP, owner), on(LAPTOP, stranger)
    assert phone.post(reverse("session-end-others"))["Location"] == PAGE
    assert [client.get(PAGE).status_code for client in (phone, laptop, other)] == [200, 302, 200]


def test_use_is_noted_every_few_minutes_and_costs_nothing_between(owner: User) -> None:
    phone = on(PHONE, owner)
    long_ago = timezone.now() - timedelta(days=1)
    UserSession.objects.update(last_seen_at=long_ago)
    with CaptureQueriesContext(connection) as queries:
        phone.get("/api/notifications/unread-count")
    assert not [one for one in queries if "accounts_usersession" in one["sql"]]
    cache.delete(f"accounts.session.{key_of(phone)}")  # as if minutes had gone by
    phone.get("/api/notifications/unread-count")
    assert UserSession.objects.get().last_seen_at > long_ago


def test_a_session_goes_on_as_itself_under_a_new_password(owner: User) -> None:
    phone, laptop = on(PHONE, owner), on(LAPTOP, owner)
    new = {"new_password1": "battery staple 9", "new_password2": "battery staple 9"}
    assert phone.post(reverse("change-password"), {"old_password": "correct horse", **new}).status_code == 302
    assert page(phone, PAGE).all("article")[0].one("h2").text == "Safari on iPhone"
    assert UserSession.objects.filter(session_id=key_of(phone)).exists()
    assert laptop.get(PAGE).status_code == 302


@pytest.mark.parametrize("agent", ["x" * 5000, "a\x00b", "ünï"])
def test_whatever_a_browser_says_of_itself_is_no_trouble(owner: User, agent: str) -> None:
    assert on(agent, owner).get(PAGE).status_code == 200
    assert UserSession.objects.count() == 1


def test_the_page_costs_the_same_for_many_sessions(owner: User) -> None:
    phone = on(PHONE, owner)
    cost = queries_to_render(phone, PAGE)
    for _ in range(5):
        on(LAPTOP, owner)
    assert queries_to_render(phone, PAGE) == cost < 15


@pytest.mark.django_db(transaction=True)
async def test_sockets_of_an_ended_session_close(owner: User) -> None:
    for _ in clean_live_state():
        ended, kept = [await sync_to_async(session_of)(owner) for _ in range(2)]
        theirs, ours = [await socket_of(None, "/ws/notifications", session=session) for session in (ended, kept)]
        for socket in (theirs, ours):
            assert (await socket.next())["status"] == "connected"
        one = await UserSession.objects.aget(session_id=ended)
        assert await sync_to_async(sessions.end)(owner, one.pk)
        assert await theirs.closed() == 4401
        await ours.send_to(text_data='{"type": "ping"}')
        await ours.until(lambda frame: frame["type"] == "pong")
        await ours.disconnect()


@pytest.mark.django_db(transaction=True)
async def test_sessions_are_noted_by_a_server_that_is_asynchronous(owner: User) -> None:
    client = AsyncClient()
    await client.aforce_login(owner)
    await UserSession.objects.all().adelete()
    key = (await client.asession()).session_key
    cache.delete(f"accounts.session.{key}")
    assert (await client.get(PAGE, headers={"User-Agent": PHONE})).status_code == 200
    assert (await UserSession.objects.aget()).device == "Safari on iPhone"

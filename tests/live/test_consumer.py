"""Who may open a socket, what it may send, and when it is closed."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from live import frames
from live.closing import Refused
from live.consumer import lifetime
from live.groups import Group
from live.hub import Hub
from live.origins import is_ours
from live.publishing import publish
from tests.live.sockets import HOST, ThingConsumer, Things, application, greeted, session_of, socket_of, thing
from tests.waiting import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)


# At the door


async def test_nobody_signed_in_is_accepted_and_then_told_4401() -> None:
    # Trap 6: closed before it was accepted, the browser hears 1006 and retries for ever.
    socket = await socket_of(None)
    assert await socket.closed() == 4401


async def test_what_is_missing_is_accepted_and_then_told_4404(owner: User) -> None:
    socket = await socket_of(owner, "/ws/things/missing")
    assert await socket.closed() == 4404
    assert not Hub.here().sockets


async def test_a_refused_socket_that_goes_on_talking_is_not_heard(owner: User) -> None:
    socket = await socket_of(None)
    assert await socket.closed() == 4401
    await socket.send_to(text_data='{"type": "ping"}')
    await socket.disconnect()
    assert socket.output_queue.empty()


@pytest.mark.parametrize(
    "origin", [None, f"http://{HOST}", f"http://{HOST.upper()}", f"http://{HOST}:80", "https://panel.example"]
)
async def test_our_own_origins_are_let_in(owner: User, settings: Settings, origin: str | None) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://panel.example"]
    socket = await socket_of(owner, origin=origin)
    assert (await socket.next())["status"] == "connected"


@pytest.mark.parametrize(
    "origin",
    [
        f"https://{HOST}",
        f"http://{HOST}:8001",
        "http://panel.example",
        "https://panel.example:8443",
        "https://panel.example.evil.example",
        "null",
        "",
        "http://[",
        f"http://sub.{HOST}",
    ],
)
async def test_every_other_origin_is_refused_even_with_all_hosts_allowed(
    owner: User, settings: Settings, origin: str
) -> None:
    # Trap 8: hosts alone say nothing about scheme and port, and "*" switches such a check off.
    settings.ALLOWED_HOSTS = ["*"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://panel.example"]
    socket = await socket_of(owner, origin=origin)
    assert await socket.closed() == 4403


async def test_trusted_subdomains_are_let_in(owner: User, settings: Settings) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://*.panel.example"]
    inside = await socket_of(owner, origin="https://a.panel.example")
    outside = await socket_of(owner, origin="https://a-panel.example")
    assert (await inside.next())["status"] == "connected"
    assert await outside.closed() == 4403


async def test_behind_a_proxy_its_word_on_scheme_and_host_counts(settings: Settings) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.USE_X_FORWARDED_HOST = True
    settings.ALLOWED_HOSTS = ["panel.example"]
    headers = [(b"host", b"10.0.0.5:8000"), (b"x-forwarded-host", b"panel.example"), (b"x-forwarded-proto", b"https")]

    def asked_from(origin: bytes) -> bool:
        return is_ours({"headers": [*headers, (b"origin", origin)]})

    assert asked_from(b"https://panel.example")
    assert not asked_from(b"http://panel.example")
    assert not asked_from(b"https://10.0.0.5:8000")


@pytest.mark.parametrize("host", [None, b"evil.example"])
async def test_a_host_that_is_not_ours_makes_no_origin_ours(settings: Settings, host: bytes | None) -> None:
    settings.ALLOWED_HOSTS = ["panel.example"]
    headers = [(b"origin", b"http://evil.example")] + ([(b"host", host)] if host else [])
    assert not is_ours({"headers": headers})
    assert not is_ours({"headers": [*headers, (b"origin", b"http://panel.example")]})


async def test_a_user_has_a_limited_number_of_sockets(owner: User, stranger: User, settings: Settings) -> None:
    settings.LIVE_MAX_SOCKETS_PER_USER = 2
    sockets = [await greeted(owner), await greeted(owner)]
    assert await (await socket_of(owner)).closed() == 4429
    others = await greeted(stranger)
    await sockets.pop().disconnect()
    assert await (await greeted(owner)).nothing_more()
    assert await others.nothing_more()


# What a fresh socket hears


async def test_a_socket_that_connects_late_hears_the_true_state_first(owner: User, fresh_things: Things) -> None:
    # Trap 13: what happened between the page and the socket is in the snapshot.
    fresh_things.say("one", 41, progress=45.5)
    socket = await greeted(owner)
    assert await socket.next() == fresh_things.current["one"]


async def test_what_is_published_during_the_greeting_comes_after_it(
    owner: User, fresh_things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    greet = ThingConsumer.greet

    async def slow_greet(self: ThingConsumer) -> list[frames.Frame]:
        old = fresh_things.say("one", 1, progress=10)
        publish([thing("one")], frames.job_update("one", seq=1, status="progress"))
        publish([thing("one")], frames.job_update("one", seq=2, status="completed"))
        # The hub has both before the snapshot, which is older, goes out.
        [socket] = Hub.here().sockets
        await eventually_async(lambda: len(socket.sink._backlog))
        assert old["seq"] == 1
        return await greet(self)

    monkeypatch.setattr(ThingConsumer, "greet", slow_greet)
    socket = await greeted(owner)
    assert [(await socket.next())["seq"] for _ in range(2)] == [1, 2]
    assert await socket.nothing_more()


# What a client may say


async def test_ping_is_answered(owner: User) -> None:
    socket = await greeted(owner)
    await socket.send_to(text_data='{"type": "ping"}')
    assert (await socket.next())["type"] == "pong"


async def test_a_subclass_answers_its_own_frames(owner: User) -> None:
    socket = await greeted(owner)
    await socket.send_to(text_data='{"type": "get_status"}')
    assert (await socket.next())["task"] == {"key": "one"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[]", "not_an_object"),
        ("1", "not_an_object"),
        ("null", "not_an_object"),
        ('"ping"', "not_an_object"),
        ("NaN", "not_an_object"),
        ("{", "invalid_json"),
        ("ping", "invalid_json"),
        ("[" * 60_000, "invalid_json"),
        ("9" * 5_000, "invalid_json"),
        ("{}", "unknown_type"),
        ('{"type": "no_such_type"}', "unknown_type"),
        ('{"type": ["ping"]}', "unknown_type"),
        ('{"type": {"a": 1}}', "unknown_type"),
        ('{"type": "__class__"}', "unknown_type"),
        ('{"type": "websocket.disconnect"}', "unknown_type"),
    ],
)
async def test_nonsense_is_answered_and_the_socket_stays_open(owner: User, text: str, code: str) -> None:
    # Trap 9.
    socket = await greeted(owner)
    await socket.send_to(text_data=text)
    frame = await socket.next()
    assert (frame["type"], frame["code"]) == ("error", code)
    assert await socket.nothing_more()


async def test_a_binary_frame_ends_the_socket(owner: User) -> None:
    socket = await greeted(owner)
    await socket.send_to(bytes_data=b"{}")
    assert await socket.closed() == 1003


@pytest.mark.parametrize("text", ["x" * (64 * 1024 + 1), "ü" * (32 * 1024 + 1)])
async def test_a_frame_over_64_kb_ends_the_socket(owner: User, text: str) -> None:
    socket = await greeted(owner)
    await socket.send_to(text_data=text)
    assert await socket.closed() == 1009


async def test_more_than_twenty_frames_a_second_end_the_socket(owner: User) -> None:
    socket = await greeted(owner)
    for _ in range(21):
        await socket.send_to(text_data=json.dumps({"type": "ping"}))
    assert await socket.closed() == 4429


async def test_after_every_kind_of_end_the_hub_has_forgotten_the_socket(owner: User) -> None:
    rude, polite, gone = await greeted(owner), await greeted(owner), await greeted(owner)
    await rude.send_to(bytes_data=b"x")
    await rude.closed()
    await polite.disconnect()
    gone.stop()
    await gone.wait()
    assert not Hub.here().sockets


@pytest.mark.parametrize("error", [RuntimeError, ConnectionResetError])
async def test_a_client_that_leaves_while_it_is_being_told_is_no_error(owner: User, error: type[Exception]) -> None:
    session = await sync_to_async(session_of)(owner)
    cookie = f"{settings.SESSION_COOKIE_NAME}={session}".encode()
    scope = {
        "type": "websocket", "path": "/ws/things/one", "query_string": b"",
        "headers": [(b"host", HOST.encode()), (b"cookie", cookie)],
    }  # fmt: skip
    events = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": '{"type": "ping"}'}]
    events.append({"type": "websocket.disconnect", "code": 1006})
    sent = []

    async def receive() -> dict[str, Any]:
        return events.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])
        if message["type"] == "websocket.send":
            raise error("Attempt to send on a closed protocol")

    await application(scope, receive, send)
    assert sent == ["websocket.accept", "websocket.send"]
    assert not Hub.here().sockets


async def test_a_mistake_in_a_handler_does_not_leave_a_socket_in_the_hub(owner: User) -> None:
    socket = await greeted(owner)
    await socket.send_to(text_data='{"type": "break"}')
    with pytest.raises(RuntimeError, match="mistake"):
        await socket.wait(timeout=5)
    assert not Hub.here().sockets


# When something is away


async def test_a_database_that_is_away_at_the_door_asks_the_client_back(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(self: ThingConsumer) -> list[Group]:
        raise OperationalError("no connection")

    monkeypatch.setattr(ThingConsumer, "open", away)
    assert await (await socket_of(owner)).closed() == 1013
    assert not Hub.here().sockets


async def test_a_database_that_is_away_later_is_said_and_the_socket_stays(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(self: ThingConsumer, message: dict[str, Any]) -> None:
        raise OperationalError("no connection")

    monkeypatch.setattr(ThingConsumer, "get_status", away)
    socket = await greeted(owner)
    await socket.send_to(text_data='{"type": "get_status"}')
    assert (await socket.next())["code"] == "unavailable"
    assert await socket.nothing_more()


async def test_a_handler_may_end_the_socket(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(self: ThingConsumer, message: dict[str, Any]) -> None:
        raise Refused(4404, "Gone")

    monkeypatch.setattr(ThingConsumer, "get_status", refuse)
    socket = await greeted(owner)
    await socket.send_to(text_data='{"type": "get_status"}')
    assert await socket.closed() == 4404


# How long it stays


async def test_an_old_socket_is_asked_to_come_back(owner: User, settings: Settings) -> None:
    # Trap 4: a layer forgets members of a group after a day.
    settings.LIVE_MAX_AGE_SECONDS = 0.05
    assert await (await greeted(owner)).closed() == 1012


def test_sockets_that_opened_together_do_not_all_come_back_at_once(settings: Settings) -> None:
    settings.LIVE_MAX_AGE_SECONDS = 3600
    lifetimes = [lifetime() for _ in range(1000)]
    assert 3240 <= min(lifetimes) < max(lifetimes) <= 3600
    # In ten equal parts of the six minutes, none sees three times its share.
    parts = [sum(3240 + 36 * part <= seconds < 3276 + 36 * part for seconds in lifetimes) for part in range(10)]
    assert max(parts) < 300


def end_session(session: str, user: User) -> None:
    Session.objects.filter(pk=session).delete()


def expire_session(session: str, user: User) -> None:
    Session.objects.filter(pk=session).update(expire_date=timezone.now())


def change_password(session: str, user: User) -> None:
    user.set_password("battery staple")
    user.save()


def deactivate(session: str, user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def delete_user(session: str, user: User) -> None:
    user.delete()


@pytest.mark.parametrize("event", [end_session, expire_session, change_password, deactivate, delete_user])
async def test_a_socket_does_not_outlive_its_right(
    owner: User, stranger: User, settings: Settings, event: Callable[[str, User], None]
) -> None:
    # Trap 7: scope["user"] is fixed at connect.
    settings.LIVE_RECONCILE_SECONDS = 0.05
    session = await sync_to_async(session_of)(owner)
    socket = await socket_of(owner, session=session)
    bystander = await greeted(stranger)
    await sync_to_async(event)(session, owner)
    assert await socket.closed() == 4401
    assert await bystander.nothing_more()


async def test_signing_out_closes_the_sockets_without_waiting_for_the_next_round(
    owner: User, settings: Settings
) -> None:
    settings.LIVE_RECONCILE_SECONDS = 3600
    client = Client()
    await sync_to_async(client.force_login)(owner)
    socket = await socket_of(owner, session=client.cookies["sessionid"].value)
    elsewhere = await greeted(owner)
    await sync_to_async(client.logout)()
    assert await socket.closed() == 4401
    # Another browser of the same person stays signed in.
    assert await elsewhere.nothing_more()


async def test_a_socket_stays_open_while_its_right_lasts(owner: User, settings: Settings) -> None:
    socket = await greeted(owner)
    for _ in range(3):
        await Hub.here().watchdog.look()
    assert await socket.nothing_more()

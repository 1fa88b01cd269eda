"""Sockets for tests: the real consumers, middleware and sessions behind Channels' communicator."""

import asyncio
import json
from collections.abc import Callable, Collection, Iterable
from typing import Any

import psutil
from asgiref.sync import sync_to_async
from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import path

from live import frames
from live.consumer import LiveConsumer, Refused
from live.frames import Frame
from live.groups import Group
from live.publishing import publish
from live.schema import server_frame
from tasks.routing import all_sockets

HOST = "testserver"


class Things:
    """What the test's rows would say: the current frame of each thing, by key."""

    def __init__(self) -> None:
        self.current: dict[str, Frame] = {}
        self.forbidden: set[tuple[str, int]] = set()
        self.rereads = 0
        self.greetings = 0

    def say(self, key: str, seq: int, status: str = "progress", **payload: Any) -> Frame:
        """Change the row, and return the frame that tells of it."""
        self.current[key] = frames.job_update(key, seq=seq, status=status, payload=payload)
        return self.current[key]

    def reread(self, groups: Collection[Group]) -> Iterable[tuple[Group, Frame]]:
        """As a room would register it."""
        self.rereads += 1
        return [(group, self.current[group.key]) for group in groups if group.key in self.current]

    def refusals(self, pairs: Collection[tuple[Group, int]]) -> Iterable[tuple[Group, int]]:
        """As a room would register it."""
        return [(group, pk) for group, pk in pairs if (group.key, pk) in self.forbidden]


things = Things()


def thing(key: str) -> Group:
    """The group of one thing."""
    return Group("thing", key)


class ThingConsumer(LiveConsumer):
    """A socket of the simplest kind: it watches one thing."""

    async def open(self) -> list[Group]:
        self.key = self.scope["url_route"]["kwargs"]["key"]
        if self.key == "missing":
            raise Refused(4404, "No such thing")
        self.handlers = {"get_status": self.get_status, "break": self.fail, "flood": self.flood, "weigh": self.weigh}
        return [thing(self.key)]

    async def greet(self) -> list[Frame]:
        things.greetings += 1
        snapshot = [things.current[self.key]] if self.key in things.current else []
        return [frames.direct_message("Connected.", job_id=self.key), *snapshot]

    async def get_status(self, message: dict[str, Any]) -> None:
        await self.send_frame(frames.status_request({"key": self.key}))

    async def flood(self, message: dict[str, Any]) -> None:
        """Publish so many updates of 2 KB, ten a millisecond; then tell how much memory this process holds, in MB."""
        loop = asyncio.get_running_loop()
        start, seq = loop.time(), things.current[self.key]["seq"] if self.key in things.current else 0
        for sent in range(message["updates"]):
            publish([thing(self.key)], things.say(self.key, seq + sent + 1, message="x" * 2000))
            if sent % 100 == 99:
                await asyncio.sleep(max(0.0, start + sent / 10_000 - loop.time()))
        publish([thing(self.key)], things.say(self.key, seq + message["updates"] + 1, message["ends"]))
        await self.weigh(message)

    async def weigh(self, message: dict[str, Any]) -> None:
        """Tell how much memory this process holds, in MB."""
        await self.send_frame(frames.status_request({"held": psutil.Process().memory_info().rss / 2**20}))

    async def fail(self, message: dict[str, Any]) -> None:
        raise RuntimeError("A handler with a mistake in it.")


application = AuthMiddlewareStack(
    URLRouter([path("ws/things/<str:key>", ThingConsumer.as_asgi()), *all_sockets])  # type: ignore[arg-type]
)


class TestSocket(WebsocketCommunicator):
    """A client's end of one socket."""

    __test__ = False

    async def next(self, within: float = 5) -> Frame:
        """The next frame as an object, of the published shape."""
        text = await self.receive_from(timeout=within)
        if not self.scope["path"].startswith("/ws/things/"):  # these say what the test likes
            server_frame.validate_json(text)
        return json.loads(text)  # type: ignore[no-any-return]

    async def until(self, wanted: Callable[[Frame], bool], within: float = 5) -> list[Frame]:
        """All frames up to the first wanted one."""
        heard = [await self.next(within)]
        while not wanted(heard[-1]):
            heard.append(await self.next(within))
        return heard

    async def closed(self, within: float = 5) -> int:
        """The code this socket is closed with; frames before it are passed over."""
        while True:
            event = await self.receive_output(timeout=within)
            if event["type"] == "websocket.close":
                return int(event["code"])

    async def nothing_more(self) -> bool:
        """Has everything that was sent been heard? A ping is answered behind whatever came before it."""
        await self.send_to(text_data=json.dumps({"type": "ping"}))
        return (await self.next())["type"] == "pong"


async def socket_of(
    user: User | None,
    path: str = "/ws/things/one",
    *,
    origin: str | None = None,
    session: str | None = None,
    token: str | None = None,
) -> TestSocket:
    """An open socket, signed in as `user`; what it has been sent so far waits to be read."""
    headers = [(b"host", HOST.encode())]
    if user is not None and session is None:
        session = await sync_to_async(session_of)(user)
    if session is not None:
        headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={session}".encode()))
    if token is not None:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    socket = TestSocket(application, path, headers=headers)
    accepted, _ = await socket.connect(timeout=5)
    assert accepted, "a socket is accepted before it is refused"
    return socket


async def greeted(user: User, path: str = "/ws/things/one") -> TestSocket:
    """The same, its greeting heard."""
    socket = await socket_of(user, path)
    frame = await socket.next()
    assert frame["status"] == "connected", frame
    return socket


def session_of(user: User) -> str:
    """The key of a new session of `user`."""
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value

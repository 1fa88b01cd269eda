"""Clients that nobody wishes for. What comes of their sockets does not matter; what comes of everybody else's does."""

import asyncio
import json
import random
from base64 import b64encode
from collections.abc import Callable, Coroutine
from contextlib import suppress
from urllib.parse import urlsplit

import websockets

from tools.chaos.people import Person
from tools.chaos.plan import Flood

PATH = "/ws/progress/mine"
CROWD, DEAF, SENDERS = 120, 12, 6
EXPECTED = (OSError, TimeoutError, websockets.WebSocketException)
GARBAGE: list[str | bytes] = [
    "",
    "null",
    "[]",
    "{",
    '{"type": 7}',
    '{"type": "nonsense"}',
    "\x00",
    "x" * 70_000,
    b"\xff\xfe",
    "[" * 5000,
]


async def flood(kind: Flood, url: str, person: Person, seconds: float) -> None:
    """Flood the web process at `url` as `person`, for so long."""
    ways: dict[Flood, tuple[Callable[[str, Person], Coroutine[None, None, None]], int]] = {
        Flood.CROWD: (_come_and_stay, CROWD),
        Flood.DEAF: (_never_read, DEAF),
        Flood.GARBAGE: (_send_garbage, SENDERS),
        Flood.TALKERS: (_send_thousands, SENDERS),
        Flood.PASSERS: (_come_and_go, SENDERS),
    }
    way, how_many = ways[kind]
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(_again_and_again(way, url, person) for _ in range(how_many)))


async def _again_and_again(way: Callable[[str, Person], Coroutine[None, None, None]], url: str, person: Person) -> None:
    while True:
        with suppress(*EXPECTED):
            await way(url, person)
        await asyncio.sleep(0.1)


def _socket(url: str, person: Person) -> websockets.connect:
    headers = {"Cookie": person.cookie, "Origin": url}
    address = url.replace("http", "ws", 1) + PATH
    return websockets.connect(address, additional_headers=headers, close_timeout=1, ping_interval=None, proxy=None)


async def _come_and_stay(url: str, person: Person) -> None:
    async with _socket(url, person) as socket:
        async for _ in socket:
            pass


async def _come_and_go(url: str, person: Person) -> None:
    async with _socket(url, person):
        pass


async def _send_garbage(url: str, person: Person) -> None:
    async with _socket(url, person) as socket:
        while True:
            await socket.send(random.choice(GARBAGE))
            await asyncio.sleep(0.06)


async def _send_thousands(url: str, person: Person) -> None:
    async with _socket(url, person) as socket:
        for number in range(5000):
            await socket.send(json.dumps({"type": "ping", "number": number}))


async def _never_read(url: str, person: Person) -> None:
    """A handshake by hand, and then nothing: what is sent fills the buffers."""
    site = urlsplit(url)
    reader, writer = await asyncio.open_connection(site.hostname, site.port, limit=1024)
    try:
        key = b64encode(random.randbytes(16)).decode()
        writer.write(
            f"GET {PATH} HTTP/1.1\r\nHost: {site.netloc}\r\nOrigin: {url}\r\nCookie: {person.cookie}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        await writer.drain()
        await reader.readline()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()
    finally:
        writer.transport.abort()

"""A reader that stops while a run tells more than anybody could hear: nothing grows, nobody waits, the end arrives."""

import asyncio
import json
import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.contrib.auth.models import User
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection

from live import frames
from live.publishing import MESSAGE_TYPE
from tests.live.servers import dial, redis, serving
from tests.live.sockets import session_of, thing
from tests.servers import free_port, require

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.process]

# Updates of 2 KB, at ten thousand a second if the machine can: 60 MB, were they kept for who sleeps.
UPDATES = 30_000
MOST_GROWTH = 25  # MB


@pytest.fixture(params=["daphne", "uvicorn"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which server: the promises are the same."""
    return str(request.param)


@pytest.fixture
def redis_port() -> Iterator[int]:
    """A running Redis."""
    require("redis-server")
    with redis(port := free_port()):
        yield port


class Sleeper:
    """A client that has stopped reading, with a small buffer: TCP itself tells the server to wait."""

    def __init__(self, port: int, session: str) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect(("127.0.0.1", port))
        self._socket.sendall(
            f"GET /ws/things/one HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
            f"Cookie: sessionid={session}\r\n\r\n".encode()
        )
        self.read_until(b'"connected"')

    def read_until(self, wanted: bytes) -> int:
        """Read on until this has come. Returns how many bytes it took."""
        self._socket.settimeout(30)
        heard = b""
        while wanted not in heard:
            data = self._socket.recv(65536)
            assert data, "the server hung up on a sleeper"
            heard += data
        return len(heard)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


async def flood(conductor: ClientConnection, updates: int, ends: str = "log") -> dict[str, float]:
    """What the server says after so many updates."""
    await conductor.send(json.dumps({"type": "flood", "updates": updates, "ends": ends}))
    while True:
        frame = json.loads(await conductor.recv())
        if frame["type"] == "status_request":
            return frame["task"]  # type: ignore[no-any-return]


async def weigh(conductor: ClientConnection) -> float:
    """How much memory the server holds, in MB."""
    await conductor.send('{"type": "weigh"}')
    async with asyncio.timeout(20):
        while (frame := json.loads(await conductor.recv()))["type"] != "status_request":
            pass
    return float(frame["task"]["held"])


@asynccontextmanager
async def three(
    port: int, asleep: str, awake: str
) -> AsyncIterator[tuple[Sleeper, ClientConnection, ClientConnection]]:
    """Three sockets: one that has stopped reading, one to ask how the server is, one that listens."""
    sleeper = await asyncio.to_thread(Sleeper, port, asleep)
    try:
        async with dial(port, session=awake) as conductor, dial(port, session=asleep) as bystander:
            for each in (conductor, bystander):
                await each.recv()
            yield sleeper, conductor, bystander
    finally:
        sleeper.close()


async def heard_to_the_end(client: ClientConnection) -> list[dict[str, Any]]:
    """All updates up to the final one, in order and none twice."""
    heard: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        while not heard or heard[-1].get("status") != "completed":
            frame = json.loads(await client.recv())
            if frame["type"] == "job_update":
                heard.append(frame)
    seqs = [frame["seq"] for frame in heard]
    assert seqs == sorted(set(seqs))
    return heard


async def test_a_reader_that_stops_under_a_flood_costs_no_memory_disturbs_nobody_and_gets_the_end(
    kind: str, transactional_db: None, owner: User, stranger: User
) -> None:
    session, other = [await sync_to_async(session_of)(user) for user in (owner, stranger)]
    with serving(kind) as port:
        async with three(port, session, other) as (sleeper, conductor, bystander):
            before = await flood(conductor, 1_000)
            after = await flood(conductor, UPDATES, "completed")
            assert after["held"] - before["held"] < MOST_GROWTH
            heard = await heard_to_the_end(bystander)
            assert heard[-1]["seq"] == 1_001 + UPDATES + 1
            # Awake again: a bounded rest of old news, then the end.
            assert await asyncio.to_thread(sleeper.read_until, b'"completed"') < 2_000_000


class Elsewhere:
    """Another process of the site, which publishes through Redis as fast as Redis takes it."""

    def __init__(self, port: int) -> None:
        self._redis = Redis(port=port)
        self._layer = RedisPubSubChannelLayer(hosts=[f"redis://127.0.0.1:{port}/0"])
        self._group = thing("one").name

    async def flood(self, first: int, updates: int) -> None:
        """So many updates, a hundred at a time, one batch every ten milliseconds if the machine can."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        for sent in range(0, updates, 100):
            pipeline = self._redis.pipeline(transaction=False)
            for seq in range(first + sent, first + sent + 100):
                self._publish(pipeline, seq, "progress")
            await pipeline.execute()
            await asyncio.sleep(max(0.0, start + (sent + 100) / 10_000 - loop.time()))

    async def end(self, seq: int) -> None:
        """The final frame, again and again: who was cut off from Redis meanwhile hears it as from a re-read."""
        while True:
            await self._publish(self._redis, seq, "completed")
            await asyncio.sleep(0.5)

    async def close(self) -> None:
        """Hang up."""
        await self._redis.aclose()

    def _publish(self, where: Any, seq: int, status: str) -> Any:
        frame = frames.job_update("one", seq=seq, status=status, payload={"message": "x" * 2000})
        message = {"type": MESSAGE_TYPE, "id": uuid.uuid4().hex, "groups": [self._group], "frame": frame}
        return where.publish(f"asgi__group__{self._group}", self._layer.serialize(message))


@pytest.mark.redis
async def test_a_flood_through_redis_costs_no_memory_disturbs_nobody_and_the_sleeper_gets_the_end(
    kind: str, transactional_db: None, owner: User, stranger: User, redis_port: int
) -> None:
    session, other = [await sync_to_async(session_of)(user) for user in (owner, stranger)]
    elsewhere = Elsewhere(redis_port)
    with serving(kind, REDIS_URL=f"redis://127.0.0.1:{redis_port}/0") as port:
        async with three(port, session, other) as (sleeper, conductor, bystander):
            await elsewhere.flood(1, 1_000)
            before = await weigh(conductor)
            listening = asyncio.create_task(heard_to_the_end(bystander))
            highest = before
            flooding = asyncio.create_task(elsewhere.flood(1_001, UPDATES))
            while not flooding.done():
                # Asked and answered in the middle of it: nobody else waits.
                highest = max(highest, await weigh(conductor))
                await asyncio.wait([flooding], timeout=0.2)
            await flooding
            ending = asyncio.create_task(elsewhere.end(UPDATES + 1_001))
            heard = await listening
            assert len(heard) > 1 and heard[-1]["seq"] == UPDATES + 1_001
            assert max(highest, await weigh(conductor)) - before < MOST_GROWTH
            assert await asyncio.to_thread(sleeper.read_until, b'"completed"') < 2_000_000
            ending.cancel()
    await elsewhere.close()

"""What a client of a real server hears: the same consumers behind each server, over TCP, with a client not of ours."""

import json
from collections.abc import Iterator

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from notifications.facade import create_notification
from tests.live.servers import dial, serving
from tests.live.sockets import session_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.process]


@pytest.fixture(params=["daphne", "uvicorn"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which server: the promises are the same."""
    return str(request.param)


@pytest.fixture
def port(kind: str, transactional_db: None) -> Iterator[int]:
    """A running server."""
    with serving(kind) as port:
        yield port


async def code_of(socket: ClientConnection) -> int:
    """The code this socket is closed with."""
    try:
        while True:
            await socket.recv()
    except ConnectionClosed as closed:
        assert closed.rcvd is not None, "the server closed without a code: a browser hears 1006"
        return int(closed.rcvd.code)


async def test_a_client_hears_why_it_is_refused(port: int, owner: User) -> None:
    # Trap 6: accept, then close; otherwise the handshake fails with HTTP 403.
    session = await sync_to_async(session_of)(owner)
    async with dial(port) as nobody:
        assert await code_of(nobody) == 4401
    async with dial(port, "/ws/things/missing", session) as missing:
        assert await code_of(missing) == 4404
    async with dial(port, session=session, origin="http://evil.example") as foreign:
        assert await code_of(foreign) == 4403
    async with dial(port, session=session, origin=f"http://127.0.0.1:{port}") as ours:
        assert json.loads(await ours.recv())["status"] == "connected"


async def test_codes_below_3000_reach_the_client(port: int, owner: User) -> None:
    # Daphne's own way to close knows only 1000 and 3000-4999, and would turn these into an error and 1011.
    session = await sync_to_async(session_of)(owner)
    async with dial(port, session=session) as binary:
        await binary.send(b"x")
        assert await code_of(binary) == 1003
    async with dial(port, session=session) as large:
        await large.send("x" * 70_000)
        assert await code_of(large) == 1009


async def test_an_old_socket_is_asked_to_come_back_by_a_real_server(
    kind: str, transactional_db: None, owner: User
) -> None:
    session = await sync_to_async(session_of)(owner)
    with serving(kind, TEST_MAX_AGE="0.2") as port:
        async with dial(port, session=session) as socket:
            assert await code_of(socket) == 1012


async def test_signing_out_reaches_a_socket_in_another_process(port: int, owner: User) -> None:
    # Trap 7, through the database alone: this process and the server share no layer.
    session = await sync_to_async(session_of)(owner)
    async with dial(port, session=session) as socket:
        await socket.recv()
        await sync_to_async(Session.objects.filter(pk=session).delete)()
        assert await code_of(socket) == 4401


async def test_a_frame_lost_between_processes_heals(port: int, owner: User) -> None:
    session = await sync_to_async(session_of)(owner)
    async with dial(port, "/ws/notifications", session) as socket:
        greeting = [json.loads(await socket.recv()) for _ in range(2)]
        assert greeting[1] == {"type": "unread_count", "unread_count": 0}
        await sync_to_async(create_notification)(username="owner", type="t", title="T", message="M")
        assert json.loads(await socket.recv()) == {"type": "unread_count", "unread_count": 1}


async def test_one_socket_too_many_and_one_frame_too_many_are_refused_with_4429(
    kind: str, transactional_db: None, owner: User, stranger: User
) -> None:
    session, other = [await sync_to_async(session_of)(user) for user in (owner, stranger)]
    with serving(kind, LIVE_MAX_SOCKETS_PER_USER="2") as port:
        async with dial(port, session=session) as first, dial(port, session=session) as second:
            for socket in (first, second):
                await socket.recv()
            async with dial(port, session=session) as third:
                assert await code_of(third) == 4429
            async with dial(port, session=other) as somebody_else:
                assert json.loads(await somebody_else.recv())["status"] == "connected"
            for _ in range(200):  # however slow the machine, more than twenty of these arrive in one second
                await first.send('{"type": "ping"}')
            assert await code_of(first) == 4429
            async with dial(port, session=session) as again:
                assert json.loads(await again.recv())["status"] == "connected"

"""The client that docs/frames.md shows, as it stands there."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from websockets.exceptions import ConnectionClosed

from tests.documented import block
from tests.live.sockets import session_of
from tests.servers import Server
from tests.tasks import functions

pytestmark = pytest.mark.process

type Watch = Callable[[str, str, str], Awaitable[dict[str, Any]]]


@pytest.fixture
def watch() -> Watch:
    """The example's function."""
    namespace: dict[str, Any] = {}
    exec(block("frames.md", "python"), namespace)
    return namespace["watch"]  # type: ignore[no-any-return]


async def test_the_python_example_follows_a_run_to_its_end(
    server: Server, owner: User, watch: Watch, capsys: pytest.CaptureFixture[str]
) -> None:
    session = await sync_to_async(session_of)(owner)
    result = await functions.reporter.using(owner=owner).aenqueue("python example")
    watching = asyncio.ensure_future(watch(server.ws_url, result.id, session))
    functions.gate_file("python example").touch()
    async with asyncio.timeout(30):
        last = await watching
    assert (last["status"], last["results"]) == ("completed", {"reported": 3})
    printed = capsys.readouterr().out
    assert [line.split()[1] for line in printed.splitlines()].count("batch_update") == 3


async def test_the_python_example_gives_up_where_coming_back_is_no_use(
    server: Server, owner: User, stranger: User, watch: Watch
) -> None:
    session = await sync_to_async(session_of)(stranger)
    result = await functions.add.using(owner=owner).aenqueue(1, 2)
    with pytest.raises(ConnectionClosed, match="4404"):
        async with asyncio.timeout(30):
            await watch(server.ws_url, result.id, session)

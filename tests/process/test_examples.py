"""The client that docs/frames.md shows, as it stands there."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from websockets.exceptions import ConnectionClosed

from accounts import tokens
from accounts.scopes import Scope
from tasks.models import TaskRun
from tests.documented import blocks
from tests.servers import Server
from tests.tasks import functions
from tests.waiting import eventually

pytestmark = pytest.mark.process

type Watch = Callable[[str, str, str], Awaitable[dict[str, Any]]]
type WatchSeveral = Callable[[str, str, set[str], str], Awaitable[dict[str, dict[str, Any]]]]


@pytest.fixture
def shown() -> dict[str, Any]:
    """What the examples define, read one behind the other."""
    namespace: dict[str, Any] = {}
    exec("\n\n".join(blocks("docs/frames.md", "python")), namespace)
    return namespace


@pytest.fixture
def watch(shown: dict[str, Any]) -> Watch:
    """The example for one run."""
    return shown["watch"]  # type: ignore[no-any-return]


@pytest.fixture
def watch_several(shown: dict[str, Any]) -> WatchSeveral:
    """The example for many."""
    return shown["watch_several"]  # type: ignore[no-any-return]


async def token_of(user: User) -> str:
    """What a new token of `user`'s says: it may read."""
    made = await sync_to_async(tokens.create)(user, name="A client", scopes=[Scope.READ], expires_at=None)
    return made[1]


async def test_the_python_example_follows_a_run_to_its_end(
    any_server: Server, owner: User, watch: Watch, capsys: pytest.CaptureFixture[str]
) -> None:
    token = await token_of(owner)
    result = await functions.reporter.using(owner=owner).aenqueue("python example")
    watching = asyncio.ensure_future(watch(any_server.ws_url, result.id, token))
    functions.gate_file("python example").touch()
    async with asyncio.timeout(30):
        last = await watching
    assert (last["status"], last["results"]) == ("completed", {"reported": 3})
    printed = capsys.readouterr().out
    assert [line.split()[1] for line in printed.splitlines()].count("batch_update") == 3


async def test_the_python_example_gives_up_where_coming_back_is_no_use(
    any_server: Server, owner: User, stranger: User, watch: Watch
) -> None:
    token = await token_of(stranger)
    result = await functions.add.using(owner=owner).aenqueue(1, 2)
    with pytest.raises(ConnectionClosed, match="4404"):
        async with asyncio.timeout(30):
            await watch(any_server.ws_url, result.id, token)


async def test_the_topic_example_follows_several_runs_over_one_socket(
    any_server: Server, owner: User, watch_several: WatchSeveral
) -> None:
    token = await token_of(owner)
    ended = await functions.add.using(owner=owner, topic="harvest").aenqueue(1, 2)
    await sync_to_async(eventually)(TaskRun.objects.filter(pk=ended.id, status="completed").exists, within=30)
    gated = await functions.reporter.using(owner=owner, topic="harvest").aenqueue("topic example")
    elsewhere = await functions.add.using(owner=owner, topic="other").aenqueue(3, 4)
    ids = {ended.id, gated.id, elsewhere.id}
    watching = asyncio.ensure_future(watch_several(any_server.ws_url, "harvest", ids, token))
    functions.gate_file("topic example").touch()
    async with asyncio.timeout(30):
        last = await watching
    assert {job_id: frame["results"] for job_id, frame in last.items()} == {
        ended.id: 3,
        gated.id: {"reported": 3},
        elsewhere.id: 7,
    }


async def test_the_topic_example_gives_up_on_runs_of_others(
    any_server: Server, owner: User, stranger: User, watch_several: WatchSeveral
) -> None:
    token = await token_of(stranger)
    result = await functions.add.using(owner=owner, topic="harvest").aenqueue(1, 2)
    with pytest.raises(LookupError):
        async with asyncio.timeout(30):
            await watch_several(any_server.ws_url, "harvest", {result.id}, token)

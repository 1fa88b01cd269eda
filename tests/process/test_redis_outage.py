"""Several web and worker processes, joined by Redis; and what people see while it is away."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import pytest
import websockets
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from tasks.models import TaskRun
from tests.live.servers import redis
from tests.live.sockets import session_of
from tests.servers import Process, Server, UvicornServer, free_port, get, require
from tests.tasks import functions
from tests.waiting import eventually

pytestmark = [pytest.mark.process, pytest.mark.redis, pytest.mark.timeout(180)]

FINAL = {"completed", "error", "cancelled"}

type Heard = list[dict[str, Any]]


@pytest.fixture
def port() -> int:
    """Where Redis is looked for; none runs yet."""
    require("redis-server")
    return free_port()


@pytest.fixture
def site(started: list[Process], port: int) -> Callable[[], list[Server]]:
    """Two web processes, one of each server, and two workers with one run at a time."""

    def start() -> list[Server]:
        environment = {"REDIS_URL": f"redis://127.0.0.1:{port}/0", "LIVE_RECONCILE_SECONDS": "0.5"}
        started.extend(Process("worker", "--concurrency", "1", **environment) for _ in range(2))
        servers: list[Server] = []
        for start_one in (partial(Server, "--no-worker"), UvicornServer):
            servers.append(start_one(**environment))
            started.append(servers[-1])  # at once: should the next not start, this one is ended
        return servers

    return start


async def hear(socket: websockets.ClientConnection, wanted: Callable[[Heard], bool]) -> Heard:
    """Updates of runs until there are enough."""
    heard: Heard = []
    async with asyncio.timeout(60):
        async for text in socket:
            frame = json.loads(text)
            if frame["type"] == "job_update":
                heard.append(frame)
                if wanted(heard):
                    return heard
    raise AssertionError(f"closed with {socket.close_code}; heard {heard}")


async def watch(stack: AsyncExitStack, servers: list[Server], path: str, user: User) -> list[Any]:
    """A client of each server, greeted: it hears whatever is told from now on."""
    cookie = {"Cookie": f"sessionid={await sync_to_async(session_of)(user)}"}
    sockets = [
        await stack.enter_async_context(
            websockets.connect(f"{server.ws_url}{path}", additional_headers=cookie, open_timeout=30)
        )
        for server in servers
    ]
    for socket in sockets:
        assert json.loads(await asyncio.wait_for(socket.recv(), 30))["type"] == "direct_message"
    return sockets


def health(server: Server) -> dict[str, Any]:
    """What /readyz says."""
    answer = get(server.port, "/readyz")
    assert answer is not None
    return json.loads(answer)  # type: ignore[no-any-return]


def ended(heard: Heard) -> bool:
    return heard[-1]["status"] in FINAL


async def test_two_web_and_two_worker_processes_tell_every_client_the_same(
    port: int, site: Callable[[], list[Server]], owner: User
) -> None:
    with redis(port):
        servers = await sync_to_async(site)()
        runs = [await functions.reporter.using(owner=owner).aenqueue(name) for name in ("left", "right")]
        ids = [run.id for run in runs]

        def both_run() -> bool:
            return TaskRun.objects.filter(pk__in=ids, status="running").count() == 2

        await sync_to_async(eventually)(both_run, within=30, what="each worker has a run")
        async with AsyncExitStack() as stack:
            sockets = await watch(stack, servers, "/ws/progress/mine", owner)
            for name in ("left", "right"):
                functions.gate_file(name).touch()

            def both_ended(heard: Heard) -> bool:
                return len({frame["job_id"] for frame in heard if frame["status"] in FINAL}) == 2

            first, second = await asyncio.gather(*(hear(socket, both_ended) for socket in sockets))
        for run_id in ids:
            told = [
                [(frame["seq"], frame["status"]) for frame in heard if frame["job_id"] == run_id]
                for heard in (first, second)
            ]
            kept = [[one for one in each if one[1] != "progress"] for each in told]
            assert kept[0] == kept[1] and told[0][-1] == told[1][-1]
            assert [status for _, status in kept[0]] == ["batch_update"] * 3 + ["log", "completed"]
        workers = {run.worker async for run in TaskRun.objects.filter(pk__in=ids)}
        assert len(workers) == 2
        await sync_to_async(eventually)(lambda: health(servers[0])["status"] == "ready", what="all is well")


async def test_redis_killed_and_restarted_stops_no_run_and_leaves_nobody_behind(
    port: int, site: Callable[[], list[Server]], owner: User
) -> None:
    async with AsyncExitStack() as stack:
        with redis(port) as process:
            servers = await sync_to_async(site)()
            result = await functions.reporter.using(owner=owner).aenqueue("outage")
            ticking = await functions.tick.using(owner=owner).aenqueue(600)
            sockets = await watch(stack, servers, f"/ws/bulk-process/{ticking.id}", owner)
            for socket in sockets:
                await hear(socket, lambda heard: heard[-1].get("processed", 0) > 0)
            process.kill()
            process.wait()
        assert (await sync_to_async(health)(servers[0]))["layer"] == "away"
        assert (await sync_to_async(health)(servers[1]))["status"] == "degraded"
        # Nobody hears through Redis now: the re-read tells them.
        away = await TaskRun.objects.aget(pk=ticking.id)
        for socket in sockets:
            await hear(socket, lambda heard: heard[-1].get("processed", 0) > away.processed_items or ended(heard))
        with redis(port):
            heard = await asyncio.gather(*(hear(socket, ended) for socket in sockets))
            assert [each[-1]["status"] for each in heard] == ["completed", "completed"]
            assert heard[0][-1]["seq"] == heard[1][-1]["seq"]
            functions.gate_file("outage").touch()
            await sync_to_async(eventually)(
                lambda: TaskRun.objects.filter(pk=result.id, status="completed").exists(), within=30
            )
            await sync_to_async(eventually)(lambda: health(servers[0])["status"] == "ready", what="all is well")


async def test_without_redis_from_the_start_runs_run_and_clients_hear_how_they_end(
    site: Callable[[], list[Server]], owner: User
) -> None:
    servers = await sync_to_async(site)()
    result = await functions.reporter.using(owner=owner).aenqueue("absent")
    async with AsyncExitStack() as stack:
        sockets = await watch(stack, servers, f"/ws/bulk-process/{result.id}", owner)
        functions.gate_file("absent").touch()
        heard = await asyncio.gather(*(hear(socket, ended) for socket in sockets))
    assert [each[-1]["results"] for each in heard] == [{"reported": 3}] * 2
    assert (await sync_to_async(health)(servers[0]))["layer"] == "away"

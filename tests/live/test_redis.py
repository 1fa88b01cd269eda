"""The layer of several processes: a real redis-server, and what happens when it goes and comes back."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings
from redis.asyncio.client import Pipeline

from live import frames, publishing
from live.publishing import publish
from tests.live.servers import redis
from tests.live.sockets import Things, greeted, thing
from tests.servers import ROOT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]


@pytest.fixture
def redis_server(redis_port: int) -> Iterator[int]:
    """A running server."""
    with redis(redis_port):
        yield redis_port


async def test_frames_arrive_through_redis(redis_server: int, owner: User) -> None:
    first, second = await greeted(owner), await greeted(owner)
    publish([thing("one")], frames.job_update("one", seq=1, status="progress"))
    assert (await first.next())["seq"] == (await second.next())["seq"] == 1


async def test_an_idle_socket_outlives_the_timeout_of_its_connection_to_redis(
    redis_server: int, owner: User, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    # Trap 1: redis-py gives up a read after `socket_timeout`, by default 5 s; the core layer then ends every idle
    # socket.
    timeout = 0.2
    address = {"address": f"redis://127.0.0.1:{redis_server}/0", "socket_timeout": timeout}
    settings.CHANNEL_LAYERS = {
        "default": {**settings.CHANNEL_LAYERS["default"], "CONFIG": {"hosts": [address]}},
    }
    socket = await greeted(owner)
    await asyncio.sleep(4 * timeout)  # it is the silence that is tested
    publish([thing("one")], frames.job_update("one", seq=1, status="progress"))
    assert (await socket.next())["seq"] == 1
    assert not caplog.records


def test_the_layer_of_several_processes_is_the_one_that_neither_times_out_nor_drops_the_newest() -> None:
    # Traps 1 and 2 are of the core layer.
    script = "from statusproj import settings; print(settings.CHANNEL_LAYERS['default']['BACKEND'])"
    environment = {**os.environ, "REDIS_URL": "redis://127.0.0.1:1/0"}
    told = subprocess.check_output([sys.executable, "-c", script], cwd=ROOT, env=environment, text=True)
    assert told.strip() == "live.redis_layer.RedisLayer"


async def test_what_waits_to_leave_goes_to_all_its_groups_in_few_round_trips_and_in_order(
    redis_server: int, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    trips = []
    execute = Pipeline.execute

    async def counted(pipeline: Pipeline, *args: Any) -> Any:
        trips.append(len(pipeline.command_stack))
        return await execute(pipeline, *args)

    monkeypatch.setattr(Pipeline, "execute", counted)
    one, two = await greeted(owner), await greeted(owner, "/ws/things/two")
    for seq in range(1, 81):
        publish([thing("one"), thing("two"), thing("nobody")], frames.job_update("one", seq=seq, status="log"))
    for socket in (one, two):
        assert [(await socket.next())["seq"] for _ in range(80)] == list(range(1, 81))
    assert sum(trips) == 240 and len(trips) <= 3


async def test_a_process_without_a_loop_publishes_from_a_thread_of_its_own(
    redis_server: int, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = await greeted(owner)
    # As in a management command: no loop was ever named.
    monkeypatch.setattr(publishing, "_outbox", None)
    monkeypatch.setattr(publishing, "_background", None)
    sender = threading.Thread(target=publish, args=([thing("one")], frames.job_update("one", seq=1, status="progress")))
    sender.start()
    assert (await socket.next())["seq"] == 1
    background = publishing._background
    assert background is not None
    background.loop.call_soon_threadsafe(background.loop.stop)


async def test_a_burst_through_redis_loses_nothing_that_counts(redis_server: int, owner: User) -> None:
    # Trap 2.
    socket = await greeted(owner)
    for seq in range(1, 1000):
        publish([thing("one")], frames.job_update("one", seq=seq, status="progress"))
    publish([thing("one")], frames.job_update("one", seq=1000, status="completed"))
    heard = await socket.until(lambda frame: frame.get("status") == "completed", within=20)
    assert heard[-1]["seq"] == 1000


async def test_sockets_open_and_hear_the_truth_while_redis_is_away(
    redis_port: int, owner: User, fresh_things: Things
) -> None:
    # Trap 3.
    socket = await greeted(owner)
    publish([thing("one")], fresh_things.say("one", 1))
    assert (await socket.next())["seq"] == 1


async def test_after_redis_came_back_frames_flow_again(redis_port: int, owner: User, fresh_things: Things) -> None:
    with redis(redis_port):
        socket = await greeted(owner)
        publish([thing("one")], frames.job_update("one", seq=1, status="log"))
        assert (await socket.next())["seq"] == 1
    publish([thing("one")], fresh_things.say("one", 2, "log"))
    assert (await socket.next())["seq"] == 2  # re-read
    with redis(redis_port):
        stop = asyncio.Event()

        async def keep_publishing() -> None:
            # Only published, not in the rows: it can only come through Redis.
            for seq in range(3, 1000):
                publish([thing("one")], frames.job_update("one", seq=seq, status="log"))
                if stop.is_set():
                    return
                await asyncio.sleep(0.05)

        publisher = asyncio.create_task(keep_publishing())
        assert (await socket.next(within=20))["seq"] >= 3
        stop.set()
        await publisher

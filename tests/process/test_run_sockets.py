"""Runs watched over real sockets: a real server of either kind, a real worker, a client that is not ours."""

import asyncio
import json
from typing import Any

import pytest
import websockets
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client

from live.schema import server_frame
from tasks import lifecycle
from tasks.api import TaskObject
from tests.servers import Server
from tests.tasks import functions

pytestmark = pytest.mark.process

ENVELOPE = {"type", "job_id", "timestamp", "seq", "status"}
FINAL = {"completed", "error", "cancelled"}


def headers_of(user: User | None) -> dict[str, str]:
    """The cookie of a signed-in browser."""
    if user is None:
        return {}
    client = Client()
    client.force_login(user)
    return {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}


async def connect(server: Server, path: str, user: User | None, **headers: str) -> websockets.ClientConnection:
    """An open socket."""
    cookies = await sync_to_async(headers_of)(user)
    return await websockets.connect(f"{server.ws_url}{path}", additional_headers={**cookies, **headers})


async def greeting(socket: websockets.ClientConnection) -> dict[str, Any]:
    """The first frame. From here on nothing is missed: before it, access is still being checked."""
    async with asyncio.timeout(20):
        return json.loads(await socket.recv())


async def frames_until_final(socket: websockets.ClientConnection) -> list[dict[str, Any]]:
    """All frames up to the first final one."""
    heard = []
    async with asyncio.timeout(20):
        async for text in socket:
            server_frame.validate_json(text)
            heard.append(json.loads(text))
            if heard[-1].get("status") in FINAL:
                return heard
    raise AssertionError(f"closed with {socket.close_code}; heard {heard}")


async def close_code(server: Server, path: str, user: User | None, **headers: str) -> int | None:
    """The code a refused socket is closed with, as its client hears it."""
    socket = await connect(server, path, user, **headers)
    async with asyncio.timeout(10):
        await socket.wait_closed()
    return socket.close_code


def updates_of(heard: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The run's own frames."""
    return [frame for frame in heard if frame["type"] == "job_update"]


async def test_a_run_tells_its_life_in_the_protocols_frames(any_server: Server, owner: User) -> None:
    result = await functions.reporter.using(owner=owner, topic="news", run_after=None).aenqueue("frames")
    socket = await connect(any_server, f"/ws/bulk-process/{result.id}", owner)
    hello = await greeting(socket)
    functions.gate_file("frames").touch()
    heard = [hello, *await frames_until_final(socket)]

    assert heard[0]["type"] == "direct_message"
    assert (heard[0]["status"], heard[0]["job_id"]) == ("connected", result.id)
    updates = updates_of(heard)
    assert all(frame.keys() >= ENVELOPE and frame["job_id"] == result.id for frame in updates)
    assert all(frame["timestamp"].endswith("Z") for frame in heard)
    seqs = [frame["seq"] for frame in updates]
    assert seqs == sorted(set(seqs)), "in order, none twice"

    progress = [frame for frame in updates if frame["status"] == "progress"]
    keys = {"progress", "processed", "total", "stage", "message", "current_item", "eta_seconds"}
    assert progress and all(frame.keys() >= keys for frame in progress)
    shown = [frame["progress"] for frame in progress]
    assert shown == sorted(shown) and max(shown) < 100
    batches = [frame for frame in updates if frame["status"] == "batch_update"]
    assert [frame["batch_completed"] for frame in batches] == [1, 2, 3]
    assert all(frame.keys() >= keys | {"total_batches", "results"} for frame in batches)
    assert [frame["message"] for frame in updates if frame["status"] == "log"] == ["three batches"]
    assert (updates[-1]["status"], updates[-1]["progress"], updates[-1]["results"]) == (
        "completed",
        100,
        {"reported": 3},
    )
    await socket.close()


async def test_who_connects_late_gets_the_true_state_first_and_two_clients_see_the_same_seqs(
    any_server: Server, owner: User
) -> None:
    result = await functions.reporter.using(owner=owner).aenqueue("late")
    first = await connect(any_server, f"/ws/bulk-process/{result.id}", owner)
    second = await connect(any_server, f"/ws/bulk-process/{result.id}", owner)
    assert (await greeting(first))["status"] == (await greeting(second))["status"] == "connected"
    functions.gate_file("late").touch()
    heard_first, heard_second = await asyncio.gather(frames_until_final(first), frames_until_final(second))

    def seqs(heard: list[dict[str, Any]]) -> set[int]:
        # The snapshots may differ, for the two did not connect in the same instant.
        return {frame["seq"] for frame in updates_of(heard)[1:]}

    assert seqs(heard_first) & seqs(heard_second) >= seqs(heard_second)
    late = await connect(any_server, f"/ws/bulk-process/{result.id}", owner)
    heard_late = await frames_until_final(late)
    assert [frame["type"] for frame in heard_late] == ["direct_message", "job_update"]
    assert heard_late[-1] == updates_of(heard_first)[-1] | {"timestamp": heard_late[-1]["timestamp"]}
    for socket in (first, second, late):
        await socket.close()


async def test_a_failed_and_a_cancelled_run_say_so(any_server: Server, owner: User) -> None:
    topic = await connect(any_server, "/ws/progress/mine", owner)
    failing = await functions.raise_secretly.using(owner=owner).aenqueue()
    heard = await frames_until_final(topic)
    assert (heard[-1]["job_id"], heard[-1]["status"]) == (failing.id, "error")
    assert heard[-1]["error"] == "ValueError: cannot reach postgres://***@db/prod"

    ticking = await functions.tick.using(owner=owner).aenqueue(5000)
    async with asyncio.timeout(20):
        async for text in topic:
            if json.loads(text).get("status") == "progress" and json.loads(text)["processed"]:
                break
    from tasks.models import TaskRun

    run = await TaskRun.objects.aget(pk=ticking.id)
    await sync_to_async(lifecycle.cancel)(run, by=owner)
    heard = await frames_until_final(topic)
    assert [frame["status"] for frame in updates_of(heard)][-2:] == ["cancelling", "cancelled"]
    await topic.close()


async def test_strangers_and_nobody_hear_nothing(any_server: Server, owner: User, stranger: User, staff: User) -> None:
    result = await functions.tick.using(owner=owner, topic="secret plans").aenqueue(300)
    path = f"/ws/bulk-process/{result.id}"
    assert await close_code(any_server, path, stranger) == 4404
    assert await close_code(any_server, "/ws/bulk-process/00000000-0000-0000-0000-000000000000", stranger) == 4404
    assert await close_code(any_server, "/ws/bulk-process/no-id-at-all", stranger) == 4404
    assert await close_code(any_server, path, None) == 4401
    assert await close_code(any_server, path, owner, Origin="https://evil.example") == 4403
    assert await close_code(any_server, "/ws/progress/all", owner) == 4403

    eavesdropper = await connect(any_server, "/ws/progress/secret%20plans", stranger)
    own = await connect(any_server, "/ws/progress/secret%20plans", owner)
    everything = await connect(any_server, "/ws/progress/all", staff)
    heard, heard_by_staff = await asyncio.gather(frames_until_final(own), frames_until_final(everything))
    assert updates_of(heard) and updates_of(heard_by_staff)
    await eavesdropper.send(json.dumps({"type": "subscribe_job", "job_id": result.id}))
    await eavesdropper.send(json.dumps({"type": "ping"}))
    answers = []
    async with asyncio.timeout(10):
        async for text in eavesdropper:
            answers.append(json.loads(text))
            if answers[-1]["type"] == "pong":
                break
    assert [answer["type"] for answer in answers] == ["direct_message", "error", "pong"]
    for socket in (eavesdropper, own, everything):
        await socket.close()


async def test_get_status_answers_with_the_run_as_the_api_shows_it(any_server: Server, owner: User) -> None:
    result = await functions.add.using(owner=owner).aenqueue(1, 2)
    socket = await connect(any_server, f"/ws/bulk-process/{result.id}", owner)
    await frames_until_final(socket)
    await socket.send(json.dumps({"type": "get_status"}))
    async with asyncio.timeout(10):
        text = await socket.recv()
    server_frame.validate_json(text)
    answer = json.loads(text)
    TaskObject.model_validate(answer["task"])
    assert (answer["type"], answer["task"]["status"], answer["task"]["result"]) == ("status_request", "completed", 3)
    await socket.close()


async def test_html_sockets_get_fragments_with_ids(any_server: Server, owner: User) -> None:
    result = await functions.reporter.using(owner=owner).aenqueue("html")
    socket = await connect(any_server, f"/ws/bulk-process/{result.id}?content=html", owner)
    functions.gate_file("html").touch()
    heard: list[str] = []
    async with asyncio.timeout(20):
        async for text in socket:
            heard.append(str(text))
            if "Completed" in heard[-1]:
                break
    assert all(f"run-{result.id}" in text for text in heard)
    assert any("<progress" in text for text in heard)
    await socket.close()

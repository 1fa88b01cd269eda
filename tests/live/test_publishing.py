"""Frames on their way out: after the commit, from any thread, never at the expense of who has the news."""

import asyncio
import logging
import threading
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.db import transaction
from pytest_django.fixtures import Settings

from live import publishing
from live.groups import Group
from live.publishing import MESSAGE_TYPE, drain, publish, publish_on_commit, use_loop

GROUP = Group("thing", "one")


class Ear:
    """A bare listener on the layer, as a hub of another version might be."""

    def __init__(self, layer: Any, channel: str) -> None:
        self._layer, self._channel = layer, channel

    @classmethod
    async def of(cls, *groups: Group) -> "Ear":
        layer = get_channel_layer()
        assert layer is not None
        channel = await layer.new_channel()
        for group in groups:
            await layer.group_add(group.name, channel)
        use_loop(asyncio.get_running_loop())
        return cls(layer, channel)

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(5):
            return await self._layer.receive(self._channel)  # type: ignore[no-any-return]

    async def heard_only(self, *frames: dict[str, Any]) -> bool:
        """Were these frames published, in this order, and nothing else before a last one?"""
        publish([GROUP], {"type": "last"})
        heard = []
        while (frame := (await self.next())["frame"]) != {"type": "last"}:
            heard.append(frame)
        return heard == list(frames)


@pytest.mark.django_db(transaction=True)
async def test_a_frame_leaves_after_the_commit_and_not_before() -> None:
    ear = await Ear.of(GROUP)

    def work() -> None:
        with transaction.atomic():
            publish_on_commit([GROUP], {"type": "inside"})
            publish([GROUP], {"type": "before commit"})

    await sync_to_async(work)()
    assert await ear.heard_only({"type": "before commit"}, {"type": "inside"})


@pytest.mark.django_db(transaction=True)
async def test_a_transaction_rolled_back_publishes_nothing() -> None:
    ear = await Ear.of(GROUP)

    def work() -> None:
        with pytest.raises(RuntimeError), transaction.atomic():
            publish_on_commit([GROUP], {"type": "inside"})
            raise RuntimeError

    await sync_to_async(work)()
    assert await ear.heard_only()


@pytest.mark.django_db(transaction=True)
async def test_outside_a_transaction_a_frame_leaves_at_once() -> None:
    ear = await Ear.of(GROUP)
    await sync_to_async(publish_on_commit)([GROUP], {"type": "now"})
    assert await ear.heard_only({"type": "now"})


async def test_on_the_loop_itself_a_frame_leaves_at_once() -> None:
    ear = await Ear.of(GROUP)
    publish_on_commit([GROUP], {"type": "now"})
    assert await ear.heard_only({"type": "now"})


async def test_the_frame_is_taken_as_it_was_when_published() -> None:
    ear = await Ear.of(GROUP)
    frame = {"type": "thing", "list": [1]}
    publish([GROUP], frame)
    frame["list"].append(2)  # type: ignore[attr-defined]
    assert await ear.heard_only({"type": "thing", "list": [1]})


async def test_messages_name_all_their_groups_and_an_identity() -> None:
    ear = await Ear.of(GROUP)
    publish([GROUP, Group("thing", "two")], {"type": "x"})
    message = await ear.next()
    assert message["type"] == MESSAGE_TYPE
    assert message["groups"] == ["thing.one", "thing.two"]
    assert message["id"]


async def test_a_bare_thread_reaches_the_loop_of_the_sockets() -> None:
    # Trap 11: the in-memory layer's queues belong to one loop.
    ear = await Ear.of(GROUP)
    threads = [threading.Thread(target=publish, args=([GROUP], {"type": "x", "n": n})) for n in range(20)]
    for thread in threads:
        thread.start()
    heard = [await ear.next() for _ in threads]
    assert sorted(message["frame"]["n"] for message in heard) == list(range(20))


async def test_another_loop_in_the_process_reaches_the_loop_of_the_sockets() -> None:
    ear = await Ear.of(GROUP)
    use_loop(asyncio.get_running_loop(), has_sockets=True)

    async def worker() -> None:
        use_loop(asyncio.get_running_loop())
        publish([GROUP], {"type": "from a worker"})

    await asyncio.to_thread(lambda: asyncio.run(worker()))
    assert await ear.heard_only({"type": "from a worker"})


async def test_a_burst_arrives_whole_and_in_order() -> None:
    # Trap 2: "stuck at 99 %" was a layer that dropped the newest of a burst.
    ear = await Ear.of(GROUP)
    for number in range(1000):
        publish([GROUP], {"type": "x", "n": number})
    assert [(await ear.next())["frame"]["n"] for _ in range(1000)] == list(range(1000))


def test_with_no_loop_and_an_in_memory_layer_nobody_can_hear_and_nothing_fails() -> None:
    publish([GROUP], {"type": "x"})
    assert publishing._outbox is None


def test_a_closed_loop_is_no_loop() -> None:
    loop = asyncio.new_event_loop()
    use_loop(loop)
    loop.close()
    publish([GROUP], {"type": "x"})


def test_what_cannot_be_named_is_logged_and_not_raised(caplog: pytest.LogCaptureFixture) -> None:
    publish([Group("no such kind!", "1")], {"type": "x"})
    assert "could not be published" in caplog.text


async def test_a_task_does_not_fail_because_redis_is_away(
    settings: Settings, caplog: pytest.LogCaptureFixture, unused_tcp_port: int
) -> None:
    # Trap 3. One line in the log per outage, not one per frame.
    backend = "live.redis_layer.RedisLayer"
    hosts = [f"redis://127.0.0.1:{unused_tcp_port}/0"]
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend, "CONFIG": {"hosts": hosts}}}
    use_loop(asyncio.get_running_loop())
    with caplog.at_level(logging.WARNING, logger="live"):
        for _ in range(5):
            publish([GROUP], {"type": "x"})
        await drain(10)
    assert len(caplog.records) == 1


async def test_what_waits_for_a_dead_layer_is_bounded(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "OUTBOX_LIMIT", 10)
    ear = await Ear.of(GROUP)
    for number in range(100):
        publish([GROUP], {"type": "x", "n": number})
    # Nothing has left yet: this coroutine has not waited. The newest are kept, a re-read replaces the rest.
    assert [(await ear.next())["frame"]["n"] for _ in range(10)] == list(range(90, 100))

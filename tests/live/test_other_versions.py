"""What a process of another version publishes is taken as far as it is understood, and harms nobody."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis as client_of_redis
from channels.layers import get_channel_layer
from django.contrib.auth.models import User

from live import frames
from live.hub import Hub
from live.publishing import MESSAGE_TYPE, publish
from tests.live.servers import redis
from tests.live.sockets import greeted, socket_of, thing

pytestmark = pytest.mark.django_db(transaction=True)

NAME = thing("one").name


def message(frame: Any, **changes: Any) -> dict[str, Any]:
    """What publishing says to the layer, with something else about it."""
    return {"type": MESSAGE_TYPE, "id": repr((frame, changes)), "groups": [NAME], "frame": frame} | changes


UPDATE = frames.job_update("one", seq=1, status="progress")
NOT_UNDERSTOOD = [
    {"type": "live.of.tomorrow"},
    {"type": MESSAGE_TYPE},
    message(UPDATE, groups=7),
    message(UPDATE, id=["no", "text"]),
    message("no frame at all"),
    message(None),
    message([UPDATE]),
    message({**UPDATE, "seq": "one"}),
    message({**UPDATE, "seq": {"major": 1, "minor": 2}}),
    message({**UPDATE, "job_id": ["one"]}),
    message({**UPDATE, "status": None, "seq": None}),
    message({}),
]


async def test_messages_of_any_shape_are_passed_over_and_the_next_is_heard(owner: User) -> None:
    socket = await greeted(owner)
    drawn = await socket_of(owner, "/ws/things/one?content=html")  # for it each is to be drawn
    layer = get_channel_layer()
    assert layer is not None
    for seq, strange in enumerate(NOT_UNDERSTOOD, start=10):
        await layer.group_send(NAME, strange)
        publish([thing("one")], frames.job_update("one", seq=seq, status="log"))
        await socket.until(lambda frame, seq=seq: frame.get("seq") == seq)  # type: ignore[misc]
    assert len(Hub.here().sockets) == 2, "nobody was hung up on"
    await drawn.disconnect()


async def test_fields_frames_and_states_of_tomorrow_are_handed_on_as_they_came(owner: User) -> None:
    socket = await greeted(owner)
    layer = get_channel_layer()
    assert layer is not None
    tomorrow = [
        {**UPDATE, "mood": "cheerful", "progress": {"of": "tomorrow"}},
        frames.job_update("one", seq=2, status="postponed"),
        {"type": "weather", "sun": True},
    ]
    for frame in tomorrow:
        await layer.group_send(NAME, message(frame, version=99, sent_by="a newer process"))
        assert await socket.next() == frame
    # And what an older one leaves out is not missed.
    await layer.group_send(NAME, message({"type": "job_update", "job_id": "one", "seq": 3, "status": "progress"}))
    assert (await socket.next())["seq"] == 3


@pytest.fixture
def layer_of_redis(redis_port: int) -> Iterator[client_of_redis.Redis]:
    """A server between processes, and somebody who says to it whatever they like."""
    with redis(redis_port), client_of_redis.Redis(port=redis_port) as anybody:
        yield anybody


@pytest.mark.redis
async def test_bytes_that_are_no_message_leave_the_hub_listening(
    layer_of_redis: client_of_redis.Redis, owner: User
) -> None:
    socket = await greeted(owner)
    layer: Any = get_channel_layer()
    channel = layer._get_layer()._get_group_channel_name(NAME)
    for strange in (b"\xc1", b"", b"[1, 2]", b"\x93\x01\x02\x03", b"\xff" * 5000):
        assert layer_of_redis.publish(channel, strange) == 1, "somebody listens"
    publish([thing("one")], frames.job_update("one", seq=1, status="completed"))
    assert (await socket.next(within=10))["seq"] == 1

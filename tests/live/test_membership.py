"""One channel in the layer for as long as the process lives: what fails leaves none behind, and none is forgotten."""

import asyncio
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from live import frames, hub, membership
from live.audience import Audience
from live.hub import Hub
from live.membership import Membership
from live.publishing import publish
from live.signals import ACCESS
from tests.live.sockets import greeted, thing
from tests.servers import free_port
from tests.waiting import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)


def layer() -> Any:
    return get_channel_layer()


async def test_a_layer_that_failed_finds_the_same_channel_in_its_groups(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another channel would leave the first one in every group, with a queue that nobody empties.
    monkeypatch.setattr(hub, "RESTART_DELAY", 0.01)
    receive, failures = layer().receive, [ConnectionError("Redis went away")] * 3

    async def failing(channel: str) -> Any:
        if failures:
            raise failures.pop()
        return await receive(channel)

    monkeypatch.setattr(layer(), "receive", failing)
    socket = await greeted(owner)
    await eventually_async(lambda: not failures and Hub.here().membership.is_settled)
    assert [len(members) for members in layer().groups.values()] == [1, 1]  # the thing's, and that of access
    publish([thing("one")], frames.job_update("one", seq=1, status="log"))
    assert (await socket.next())["seq"] == 1


async def test_a_layer_that_forgets_members_after_a_day_is_reminded(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Trap 4, for the hub's own channel, which outlives every socket.
    socket = await greeted(owner)
    layer().groups.clear()
    await Hub.here().membership.rejoin()
    assert not layer().groups, "not every time"
    monkeypatch.setattr(membership, "RENEW_AFTER", 0)
    await Hub.here().membership.rejoin()
    assert set(layer().groups) == {thing("one").name, ACCESS.name}
    publish([thing("one")], frames.job_update("one", seq=1, status="log"))
    assert (await socket.next())["seq"] == 1


async def test_attempts_to_reach_a_redis_that_is_away_cost_no_memory(settings: Settings) -> None:
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "live.redis_layer.RedisLayer",
            "CONFIG": {"hosts": [f"redis://127.0.0.1:{free_port()}/0"]},
        }
    }
    channel = Membership(Audience())
    for _ in range(3):
        await asyncio.wait_for(channel.settle(), 5)
        assert not channel.is_settled
    assert not layer().channels

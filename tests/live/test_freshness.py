"""While the truth cannot be read, open sockets say so: silence on them would look like "nothing has changed"."""

import re
import threading
from collections.abc import Collection, Iterable, Iterator

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from pytest_django.fixtures import Settings

from live import freshness, sources
from live.frames import Frame
from live.groups import Group
from live.schema import server_frame
from tests.live.sockets import TestSocket, Things, greeted, socket_of
from tests.waiting import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)


class Truth:
    """A re-read that can fail, or hang."""

    def __init__(self, things: Things) -> None:
        self._things = things
        self.fails = False
        self.failures = 0
        self.flows = threading.Event()
        self.flows.set()

    def read(self, groups: Collection[Group]) -> Iterable[tuple[Group, Frame]]:
        """As a room would register it."""
        self.flows.wait(20)
        if self.fails:
            self.failures += 1
            raise OperationalError("the connection is refused")
        return self._things.reread(groups)


@pytest.fixture
def truth(fresh_things: Things, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Truth]:
    """What sockets of things re-read, twenty times a second; half a second late is overdue."""
    settings.LIVE_RECONCILE_SECONDS = 0.05
    monkeypatch.setattr(freshness, "OVERDUE_AFTER", 0.5)
    monkeypatch.setattr(freshness, "LOOK_EVERY", 0.05)
    truth = Truth(fresh_things)
    sources.register("thing", truth.read)
    yield truth
    truth.flows.set()


async def told(socket: TestSocket) -> Frame:
    """The next frame, which is word of freshness."""
    frame = await socket.next()
    assert frame["type"] == "freshness", frame
    server_frame.validate_python(frame)
    return frame


async def test_sockets_are_told_that_the_truth_cannot_be_read_and_that_it_can_again(owner: User, truth: Truth) -> None:
    socket = await greeted(owner)
    truth.fails = True
    stale = await told(socket)
    assert (stale["fresh"], stale["as_of"] < stale["timestamp"]) == (False, True)
    latecomer = await greeted(owner)
    assert (await told(latecomer))["as_of"] == stale["as_of"]
    assert await socket.nothing_more(), "it is said once"
    truth.fails = False
    for each in (socket, latecomer):
        fresh = await told(each)
        assert (fresh["fresh"], fresh["as_of"] > stale["as_of"]) == (True, True)


async def test_a_database_that_hangs_is_found_out_as_one_that_refuses_is(owner: User, truth: Truth) -> None:
    socket = await greeted(owner)
    truth.flows.clear()
    assert (await told(socket))["fresh"] is False
    truth.flows.set()
    assert (await told(socket))["fresh"] is True


async def test_what_is_new_is_told_before_all_is_called_fresh(owner: User, truth: Truth, fresh_things: Things) -> None:
    socket = await greeted(owner)
    truth.fails = True
    await told(socket)
    fresh_things.say("one", 7)  # and its frame is lost
    truth.fails = False
    assert (await socket.next())["seq"] == 7
    assert (await told(socket))["fresh"] is True


async def test_a_failure_that_is_over_at_once_is_not_worth_a_word(owner: User, truth: Truth) -> None:
    socket = await greeted(owner)
    truth.fails = True
    await eventually_async(lambda: truth.failures)
    truth.fails = False
    assert await socket.nothing_more()


async def test_html_sockets_hear_it_as_a_fragment(owner: User, truth: Truth) -> None:
    socket = await socket_of(owner, "/ws/things/one?content=html")
    truth.fails = True
    stale = await socket.receive_from(timeout=5)
    assert re.fullmatch(r'<i id="freshness" data-fresh="no" data-as-of="20[\d:T.-]+Z" hidden></i>', stale)
    truth.fails = False
    assert 'data-fresh="yes"' in await socket.receive_from(timeout=5)

"""The hub: many sockets, one channel, and the truth within seconds whatever was lost."""

import asyncio
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils.translation import get_language
from pytest_django.fixtures import Settings

from live import fragments, frames
from live import hub as hub_module
from live.database import in_database_thread
from live.groups import Group
from live.hub import Hub
from live.publishing import MESSAGE_TYPE, publish
from tests.live.sockets import Things, greeted, socket_of, thing
from tests.waiting import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)

NEVER = 3600


def layer_groups() -> dict[str, Any]:
    layer = get_channel_layer()
    assert layer is not None
    return {name: members for name, members in layer.groups.items() if name.startswith("thing.")}


async def cost_of_a_look() -> int:
    """Queries of one round of re-reading and re-checking."""
    captured = await in_database_thread(lambda: CaptureQueriesContext(connections["default"]).__enter__())
    await Hub.here().watchdog.look()
    await in_database_thread(lambda: captured.__exit__(None, None, None))
    assert len(captured) > 0
    return len(captured)


async def test_a_frame_reaches_everyone_who_watches_and_nobody_else(owner: User) -> None:
    first, second = await greeted(owner), await greeted(owner)
    other = await greeted(owner, "/ws/things/two")
    publish([thing("one")], frames.job_update("one", seq=1, status="progress"))
    assert (await first.next())["seq"] == (await second.next())["seq"] == 1
    assert await other.nothing_more()


async def test_a_process_has_one_channel_whatever_the_number_of_sockets(owner: User) -> None:
    sockets = [await greeted(owner) for _ in range(3)]
    assert len(Hub.here().sockets) == len(sockets)
    assert [len(members) for members in layer_groups().values()] == [1]


async def test_sockets_that_arrive_together_start_one_pump(owner: User) -> None:
    sockets = await asyncio.gather(*(socket_of(owner) for _ in range(5)))
    publish([thing("one")], frames.job_update("one", seq=1, status="progress"))
    for socket in sockets:
        assert [frame.get("seq") for frame in await socket.until(lambda f: "seq" in f)] == [None, 1]
    assert [task.get_name() for task in asyncio.all_tasks()].count("live-hub") == 1


async def test_a_group_is_left_with_its_last_socket(owner: User) -> None:
    first, second = await greeted(owner), await greeted(owner)
    await first.disconnect()
    assert layer_groups()
    await second.disconnect()
    assert not layer_groups()
    assert not Hub.here().sockets


async def test_a_message_for_several_watched_groups_is_heard_once(owner: User) -> None:
    socket = await greeted(owner)
    hub = Hub.here()
    [known] = hub.sockets
    await hub.watch(known, [thing("two")])
    publish([thing("one"), thing("two")], {"type": "news"})
    assert (await socket.next())["type"] == "news"
    assert await socket.nothing_more()


async def test_an_unknown_internal_event_is_ignored(owner: User, caplog: pytest.LogCaptureFixture) -> None:
    # Trap 5: a newer version during a rolling deploy.
    socket = await greeted(owner)
    layer = get_channel_layer()
    assert layer is not None
    group = thing("one").name
    await layer.group_send(group, {"type": "live.of.tomorrow", "what": "ever"})
    await layer.group_send(group, {"type": MESSAGE_TYPE, "shape": "unknown"})
    publish([thing("one")], frames.job_update("one", seq=1, status="progress"))
    assert (await socket.next())["seq"] == 1
    assert "not understood" in caplog.text


async def test_an_older_frame_that_comes_late_is_dropped(owner: User) -> None:
    socket = await greeted(owner)
    for seq in (2, 1, 2, 3):
        publish([thing("one")], frames.job_update("one", seq=seq, status="log"))
    assert [(await socket.next())["seq"] for _ in range(2)] == [2, 3]
    assert await socket.nothing_more()


async def test_a_lost_frame_heals_by_itself(owner: User, fresh_things: Things, settings: Settings) -> None:
    # Trap 3: what was sent while Redis was away is lost, so the truth is read again.
    settings.LIVE_RECONCILE_SECONDS = 0.05
    socket = await greeted(owner)
    fresh_things.say("one", 7, "completed", progress=100)
    frame = await socket.next()
    assert (frame["seq"], frame["status"]) == (7, "completed")


async def test_what_was_re_read_and_is_known_is_not_sent_again(
    owner: User, fresh_things: Things, settings: Settings
) -> None:
    settings.LIVE_RECONCILE_SECONDS = 0.05
    socket = await greeted(owner)
    publish([thing("one")], fresh_things.say("one", 1))
    assert (await socket.next())["seq"] == 1
    before = fresh_things.rereads
    await eventually_async(lambda: fresh_things.rereads > before + 3)
    assert await socket.nothing_more()


async def test_re_reading_costs_the_same_for_many_sockets(
    owner: User, fresh_things: Things, settings: Settings
) -> None:
    settings.LIVE_RECONCILE_SECONDS = NEVER
    sockets = [await greeted(owner)]
    cost_of_one = await cost_of_a_look()
    sockets += [await greeted(owner) for _ in range(5)]
    before = fresh_things.rereads
    assert await cost_of_a_look() == cost_of_one
    assert fresh_things.rereads == before + 1


async def test_html_is_rendered_once_for_all_sockets(owner: User) -> None:
    rendered = []

    def render(frame: frames.Frame) -> str:
        rendered.append(frame["seq"])
        return f'<p id="thing">{frame["seq"]}</p>'

    fragments.register("job_update", fragments.one_by_one(render))
    sockets = [await socket_of(owner, "/ws/things/one?content=html") for _ in range(3)]
    publish([thing("one")], frames.job_update("one", seq=1, status="progress"))
    for socket in sockets:
        assert await socket.receive_from(timeout=5) == '<p id="thing">1</p>'
    assert rendered == [1]


async def test_html_is_rendered_once_for_each_language_somebody_here_reads(owner: User) -> None:
    rendered = []

    def render(frame: frames.Frame) -> str:
        rendered.append(get_language())
        return f"<p>{get_language()}</p>"

    fragments.register("job_update", fragments.one_by_one(render))
    asked = ["&lang=de", "&lang=en", "&lang=de", "&lang=tlh", ""]
    sockets = [await socket_of(owner, f"/ws/things/one?content=html{lang}") for lang in asked]
    publish([thing("one")], frames.job_update("one", seq=1, status="progress"))
    heard = [await socket.receive_from(timeout=5) for socket in sockets]
    assert heard == ["<p>de</p>", "<p>en</p>", "<p>de</p>", "<p>en</p>", "<p>en</p>"]
    assert sorted(rendered) == ["de", "en"]


async def test_html_sockets_hear_nothing_that_has_no_fragment(owner: User) -> None:
    fragments.register("job_update", fragments.one_by_one(lambda frame: f"<p>{frame['seq']}</p>"))
    socket = await socket_of(owner, "/ws/things/one?content=html")
    publish([thing("one")], {"type": "thing_without_fragment"})
    publish([thing("one")], frames.job_update("one", seq=1, status="log"))
    # Not even `connected` came before it.
    assert await socket.receive_from(timeout=5) == "<p>1</p>"


async def test_a_fragment_that_cannot_be_rendered_costs_that_frame_only(
    owner: User, caplog: pytest.LogCaptureFixture
) -> None:
    def render(frame: frames.Frame) -> str:
        if frame["seq"] == 1:
            raise RuntimeError("A template with a mistake in it.")
        return f"<p>{frame['seq']}</p>"

    fragments.register("job_update", fragments.one_by_one(render))
    html, json = await socket_of(owner, "/ws/things/one?content=html"), await greeted(owner)
    for seq in (1, 2):
        publish([thing("one")], frames.job_update("one", seq=seq, status="log"))
    assert await html.receive_from(timeout=5) == "<p>2</p>"
    assert [(await json.next())["seq"] for _ in range(2)] == [1, 2]
    assert "could not be prepared" in caplog.text


async def test_a_final_frame_whose_fragment_failed_is_delivered_by_the_next_re_read(
    owner: User, fresh_things: Things, settings: Settings
) -> None:
    settings.LIVE_RECONCILE_SECONDS = 0.05
    attempts = []

    def render(frame: frames.Frame) -> str:
        attempts.append(frame["seq"])
        if len(attempts) == 1:
            raise RuntimeError("The database was away.")
        return f"<p>{frame['status']}</p>"

    fragments.register("job_update", fragments.one_by_one(render))
    html, json = await socket_of(owner, "/ws/things/one?content=html"), await greeted(owner)
    publish([thing("one")], fresh_things.say("one", 1, "completed"))
    assert await html.receive_from(timeout=5) == "<p>completed</p>"
    assert (await json.next())["seq"] == 1
    assert await json.nothing_more()


async def test_too_many_frames_end_in_a_reset_and_the_truth(owner: User, fresh_things: Things) -> None:
    socket = await greeted(owner)
    for seq in range(1, 1500):
        fresh_things.say("one", seq, "log")
        publish([thing("one")], fresh_things.current["one"])
    heard = await socket.until(lambda frame: frame["type"] == "reset")
    assert len(heard) < 700
    assert (await socket.until(lambda frame: frame.get("seq", 0) == 1499))[-1]["status"] == "log"


async def test_losing_access_to_a_group_closes_its_sockets(owner: User, fresh_things: Things) -> None:
    socket, other = await greeted(owner), await greeted(owner, "/ws/things/two")
    fresh_things.forbidden.add(("one", owner.pk))
    Hub.here().watchdog.hurry()
    assert await socket.closed() == 4403
    assert await other.nothing_more()


async def test_a_deploy_asks_every_browser_back(owner: User) -> None:
    sockets = [await greeted(owner), await greeted(owner, "/ws/things/two")]
    await Hub.here().close_all()
    assert [await socket.closed() for socket in sockets] == [1012, 1012]


async def test_stale_state_and_frames_make_fresh_state(owner: User, fresh_things: Things) -> None:
    fresh_things.say("one", 3, progress=30)
    early = await greeted(owner)
    publish([thing("one")], fresh_things.say("one", 4, progress=40))
    late = await greeted(owner)
    publish([thing("one")], fresh_things.say("one", 5, "completed", progress=100))
    told = [(await socket.until(lambda f: f.get("status") == "completed"))[-1] for socket in (early, late)]
    assert told == [fresh_things.current["one"]] * 2


async def test_a_reread_that_overtakes_a_batch_on_its_way_does_not_swallow_it(
    owner: User, settings: Settings, fresh_things: Things
) -> None:
    settings.LIVE_RECONCILE_SECONDS = NEVER
    socket = await greeted(owner)
    newest = fresh_things.say("one", 2)
    looking = asyncio.create_task(Hub.here().watchdog.look())
    await eventually_async(lambda: fresh_things.rereads)
    # Stored before the re-read, heard after it: as through a slow Redis.
    publish([thing("one")], frames.job_update("one", seq=1, status="batch_update"))
    publish([thing("one")], newest)
    assert [(await socket.next())["seq"] for _ in range(2)] == [1, 2]
    await looking
    assert await socket.nothing_more()


async def test_groups_of_another_kind_without_a_source_are_left_alone(owner: User) -> None:
    socket = await greeted(owner)
    hub = Hub.here()
    [known] = hub.sockets
    await hub.watch(known, [Group("unknown", "1")])
    await hub.watchdog.look()
    publish([Group("unknown", "1")], {"type": "news"})
    assert (await socket.next())["type"] == "news"


async def test_after_the_layer_failed_frames_flow_again(
    owner: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LIVE_RECONCILE_SECONDS = NEVER
    monkeypatch.setattr(hub_module, "RESTART_DELAY", 0.01)
    layer = get_channel_layer()
    assert layer is not None
    receive, failures = layer.receive, [ConnectionError("Redis went away")]

    async def failing_once(channel: str) -> Any:
        if failures:
            raise failures.pop()
        return await receive(channel)

    monkeypatch.setattr(layer, "receive", failing_once)
    socket = await greeted(owner)
    await eventually_async(lambda: not failures)
    await eventually_async(lambda: Hub.here().membership.is_settled)
    publish([thing("one")], frames.job_update("one", seq=1, status="log"))
    assert (await socket.next())["seq"] == 1


async def test_without_a_layer_the_re_read_feeds_the_sockets(
    owner: User, fresh_things: Things, settings: Settings
) -> None:
    settings.CHANNEL_LAYERS = {}
    settings.LIVE_RECONCILE_SECONDS = 0.05
    socket = await greeted(owner)
    fresh_things.say("one", 1)
    assert (await socket.next())["seq"] == 1

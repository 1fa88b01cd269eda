"""Resume: whatever was lost on the way, a client that says what it holds ends up with the truth."""

from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from live import watchdog
from live.frames import Frame
from live.hub import Hub
from tasks import lifecycle, replay
from tasks.models import TaskEvent, TaskRun
from tasks.progress import LINES_SENT
from tasks.states import Status
from tests.live.isolation import clean_live_state
from tests.live.sockets import greeted, socket_of
from tests.tasks.runs import make_run, make_run_in
from tests.tasks.watching import heard_so_far, plain, report

pytestmark = pytest.mark.django_db(transaction=True)

FINAL = {"completed", "error", "cancelled"}


@pytest.fixture(autouse=True)
def live_state(engine_tables: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No layer, loop or hub of an earlier test; and nothing is on its way when a test here looks."""
    monkeypatch.setattr(watchdog, "IN_FLIGHT", 0)
    yield from clean_live_state()


def path(run: TaskRun, since: object = None) -> str:
    return f"/ws/bulk-process/{run.pk}" + ("" if since is None else f"?since={since}")


async def running_run(owner: User) -> TaskRun:
    return await sync_to_async(make_run_in)(Status.RUNNING, owner)


async def test_what_came_after_n_is_told_in_order_as_it_was_sent(owner: User) -> None:
    run = await running_run(owner)
    watcher = await socket_of(owner, path(run))
    snapshot = (await watcher.until(lambda frame: frame["type"] == "job_update"))[-1]
    await report(run, processed=10, batches=2, lines=1)
    await report(run, processed=40, batches=1, lines=1)
    await sync_to_async(lifecycle.complete)(run, {"found": 3})
    live = await watcher.until(lambda frame: frame.get("status") in FINAL)

    again = await greeted(owner, path(run, snapshot["seq"]))
    replayed = await heard_so_far(again)
    events = [frame for frame in live if frame["status"] != "progress"]
    assert [frame["status"] for frame in replayed] == [
        *("batch_update", "batch_update", "log"),
        *("batch_update", "log", "completed"),
    ]
    assert [plain(frame) for frame in replayed] == [plain(frame) for frame in events]


async def test_a_resume_ends_with_where_the_run_stands(owner: User) -> None:
    run = await running_run(owner)
    await report(run, processed=10, lines=1)
    socket = await greeted(owner, path(run, 0))
    replayed = await heard_so_far(socket)
    assert [frame["status"] for frame in replayed] == ["pending", "progress", "log", "progress"]
    assert [frame["seq"] for frame in replayed] == [1, 2, 3, 4]
    assert (replayed[1]["progress"], replayed[-1]["progress"]) == (0, 10)


async def test_the_life_of_a_run_that_was_tried_again_is_told_whole(owner: User) -> None:
    run = await running_run(owner)
    await sync_to_async(lifecycle.release)(run)
    claimed = await sync_to_async(lifecycle.claim)(run.pk, 2, worker="host:1:1")
    assert claimed is not None
    await sync_to_async(lifecycle.cancel)(claimed)
    await sync_to_async(lifecycle.confirm_cancelled)(claimed)
    replayed = await heard_so_far(await greeted(owner, path(run, 0)))
    statuses = ["pending", "progress", "pending", "progress", "cancelling", "cancelled"]
    assert [frame["status"] for frame in replayed] == statuses


async def test_who_is_up_to_date_hears_only_what_is_new(owner: User) -> None:
    run = await running_run(owner)
    socket = await greeted(owner, path(run, 2))
    await Hub.here().watchdog.look()
    assert await socket.nothing_more()
    await report(run, processed=10)
    assert (await socket.next())["seq"] == 3


async def test_a_resume_frame_does_the_same_on_an_open_socket(owner: User) -> None:
    run = await running_run(owner)
    await report(run, processed=10, batches=1)
    socket = await greeted(owner, path(run))
    assert (await socket.next())["seq"] == 4
    await socket.send_to(text_data='{"type": "resume", "since": 2}')
    assert [(await socket.next())["seq"] for _ in range(2)] == [3, 4]
    assert await socket.nothing_more()


@pytest.mark.parametrize("since", ["", "x", "-1", "1.5", "1e3", "٣", "9" * 19, "9" * 400, "None"])
async def test_a_bad_since_in_the_address_is_said_and_a_snapshot_follows(owner: User, since: str) -> None:
    run = await running_run(owner)
    socket = await greeted(owner, path(run, since))
    error, snapshot = await socket.next(), await socket.next()
    assert (error["type"], error["code"], snapshot["seq"]) == ("error", "invalid_since", 2)
    assert await socket.nothing_more()


@pytest.mark.parametrize("since", ["null", "-1", "1.5", "true", '"x"', "[]", "{}", "1e400", str(2**63)])
async def test_a_bad_since_in_a_frame_is_said_and_nothing_else(owner: User, since: str) -> None:
    run = await running_run(owner)
    socket = await greeted(owner, path(run))
    await socket.next()
    await socket.send_to(text_data=f'{{"type": "resume", "since": {since}}}')
    assert (await socket.next())["code"] == "invalid_since"
    assert await socket.nothing_more()


async def test_of_very_many_lines_at_once_the_newest_are_sent_and_the_rest_can_be_asked_for(owner: User) -> None:
    run = await running_run(owner)
    socket = await greeted(owner, path(run, 2))
    await report(run, processed=10, lines=LINES_SENT + 150)
    heard = await socket.until(lambda frame: frame["message"] == f"line {LINES_SENT + 149}")
    live = [frame for frame in heard if frame["status"] == "log"]
    assert [frame["message"] for frame in live] == [f"line {number}" for number in range(150, LINES_SENT + 150)]
    assert (live[0]["skipped"], "skipped" in live[1]) == (150, False)
    await socket.send_to(text_data='{"type": "resume", "since": 2}')
    again = [frame["message"] for frame in await heard_so_far(socket) if frame["status"] == "log"]
    assert again == [f"line {number}" for number in range(LINES_SENT + 150)]


async def forget_the_oldest(run: TaskRun) -> int:
    await report(run, processed=10, lines=3)
    await TaskEvent.objects.filter(run=run, seq__lt=4).adelete()
    return 2


async def come_from_another_history(run: TaskRun) -> int:
    return 1000


async def have_too_much_to_tell(run: TaskRun) -> int:
    await report(run, lines=replay.MOST_EVENTS + 1)
    return 2


@pytest.mark.parametrize("happens", [forget_the_oldest, come_from_another_history, have_too_much_to_tell])
async def test_what_is_no_longer_kept_is_a_reset_and_a_snapshot(owner: User, happens: Any) -> None:
    run = await running_run(owner)
    since = await happens(run)
    replayed = await heard_so_far(await greeted(owner, path(run, since)))
    await run.arefresh_from_db()
    assert [frame["type"] for frame in replayed] == ["reset", "job_update"]
    assert replayed[-1]["seq"] == run.seq


async def test_a_replay_larger_than_a_socket_may_hold_is_a_reset(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "LARGEST_REPLAY", 50)
    run = await running_run(owner)
    await report(run, lines=2)
    replayed = await heard_so_far(await greeted(owner, path(run, 2)))
    assert [frame["type"] for frame in replayed] == ["reset", "job_update"]


def test_a_run_that_ends_while_its_replay_is_read_is_not_told_as_just_begun(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run_in(Status.RUNNING, owner)
    present = replay.frames_of

    def ends_meanwhile(runs: list[TaskRun]) -> list[Frame]:
        told = present(runs)
        lifecycle.complete(run, {"found": 3})
        return told

    monkeypatch.setattr(replay, "frames_of", ends_meanwhile)
    told = replay.frames_since(str(run.pk), 0)
    assert [(frame["seq"], frame["status"]) for frame in told] == [(1, "pending"), (2, "progress")]
    monkeypatch.undo()
    assert replay.frames_since(str(run.pk), 2)[-1]["status"] == "completed"


async def test_a_run_deleted_while_it_is_watched_ends_the_socket_with_4404(owner: User) -> None:
    run = await sync_to_async(make_run)(owner)
    sockets = [await greeted(owner, path(run)) for _ in range(2)]
    await TaskRun.objects.filter(pk=run.pk).adelete()
    await sockets[0].send_to(text_data='{"type": "get_status"}')
    await sockets[1].send_to(text_data='{"type": "resume", "since": 0}')
    assert [await socket.closed() for socket in sockets] == [4404, 4404]


async def test_staff_who_lose_the_permission_lose_single_runs_of_others_too(owner: User, staff: User) -> None:
    run, own = await sync_to_async(make_run)(owner), await sync_to_async(make_run)(staff)
    socket, of_own = await greeted(staff, path(run)), await greeted(staff, path(own))
    of_owner = await greeted(owner, path(run))
    await sync_to_async(staff.user_permissions.clear)()
    assert await socket.closed() == 4403
    for kept in (of_own, of_owner):
        assert await heard_so_far(kept)

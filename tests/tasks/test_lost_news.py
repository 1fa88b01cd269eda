"""News that never arrived (a killed publisher, a layer that was away): the re-read makes up for it, in order."""

from collections.abc import Iterator

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from live import publishing, watchdog
from live.hub import Hub
from tasks import lifecycle, live_sources
from tests.live.isolation import clean_live_state
from tests.live.sockets import TestSocket, greeted
from tests.tasks.test_resume import path, running_run
from tests.tasks.watching import heard_so_far, report

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def lost(engine_tables: None, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[None]:
    """Whatever is published is lost, and sockets are told only when somebody looks."""
    monkeypatch.setattr(watchdog, "IN_FLIGHT", 0)
    settings.LIVE_RECONCILE_SECONDS = 3600
    monkeypatch.setattr(publishing, "publish", lambda groups, frame: None)
    yield from clean_live_state()


async def heard_after_a_look(socket: TestSocket) -> list[tuple[str, int]]:
    """Frames of runs, by status and seq."""
    await Hub.here().watchdog.look()
    return [(frame.get("status", frame["type"]), frame.get("seq", 0)) for frame in await heard_so_far(socket)]


@pytest.mark.parametrize("where", ["the run", "all runs"])
async def test_batches_and_lines_come_late_rather_than_never(owner: User, where: str) -> None:
    run = await running_run(owner)
    socket = await greeted(owner, path(run) if where == "the run" else "/ws/progress/mine")
    assert [status for status, _ in await heard_after_a_look(socket)] == ["progress"]
    await report(run, processed=10, batches=1, lines=1)
    await report(run, processed=20, lines=1)
    heard = await heard_after_a_look(socket)
    assert [status for status, _ in heard] == ["batch_update", "log", "log", "progress"]
    assert [seq for _, seq in heard] == sorted({seq for _, seq in heard})
    await report(run, lines=1)
    await sync_to_async(lifecycle.complete)(run, None)
    assert [status for status, _ in await heard_after_a_look(socket)] == ["log", "completed"]
    assert await heard_after_a_look(socket) == []


async def test_more_than_a_look_can_tell_of_is_told_as_a_reset(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_sources, "MOST_EVENTS", 3)
    run = await running_run(owner)
    socket = await greeted(owner, path(run))
    await heard_after_a_look(socket)
    await report(run, processed=10, lines=4)
    assert [status for status, _ in await heard_after_a_look(socket)] == ["reset", "progress"]

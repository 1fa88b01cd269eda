"""Connections that are lost at the worst moment: what was decided is decided once, and nothing is said twice."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import OperationalError
from django.db.backends.postgresql.base import DatabaseWrapper

from notifications.models import Notification
from tasks import lifecycle
from tasks.models import TaskEvent, TaskRun
from tasks.progress import Progress
from tasks.states import Status
from tests.cutting import cut_once_when_writing
from tests.tasks import functions
from tests.tasks.runs import make_run, make_run_in
from tests.waiting import eventually, eventually_async
from tests.workers import WorkerThread


def test_a_connection_lost_while_the_owner_is_told_does_not_lose_how_the_run_ended(
    worker: WorkerThread, owner: User
) -> None:
    with cut_once_when_writing("notifications"):
        result = functions.add.using(owner=owner).enqueue(1, 2)
        run = eventually(lambda: TaskRun.objects.filter(pk=result.id).exclude(completed_at=None).first())
    assert (run.status, run.result, run.rescues) == (Status.COMPLETED, 3, 0)
    assert Notification.objects.count() == 1


def test_what_a_function_finishes_while_its_worker_stops_is_not_done_again(engine_tables: None) -> None:
    functions.SEEN.clear()
    worker = WorkerThread(grace=timedelta()).start()
    result = functions.finish_when_stopped.enqueue()
    eventually(lambda: TaskRun.objects.filter(pk=result.id, stage="waiting").exists())
    worker.stop()
    run = TaskRun.objects.get(pk=result.id)
    assert (run.status, run.result, run.attempt) == (Status.COMPLETED, "finished", 1)
    assert functions.SEEN == ["finished"]


@pytest.fixture
def lost_answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """As many commits as this list has words are done, and their answers lost."""
    words: list[str] = []
    commit = DatabaseWrapper._commit

    def commit_unheard(self: Any) -> None:
        commit(self)
        if words:
            raise OperationalError(words.pop())

    monkeypatch.setattr(DatabaseWrapper, "_commit", commit_unheard)
    return words


async def test_lines_and_batches_whose_commit_was_not_answered_are_recorded_once(
    engine_tables: None, lost_answers: list[str]
) -> None:
    run = await sync_to_async(make_run_in)(Status.RUNNING)
    progress = Progress(run, asyncio.get_running_loop())
    lost_answers += ["the first is lost", "and so is the second"]
    writer = asyncio.create_task(progress.keep_writing())
    progress.log("one")
    progress.batch(completed=1, total=2, results=[])
    while lost_answers:
        progress.log(f"while {len(lost_answers)} answers are to be lost")
        left = len(lost_answers)
        await eventually_async(lambda: len(lost_answers) < left)  # noqa: B023
    progress.batch(completed=2, total=2, results=[])
    await progress.close(writer)
    said = [event async for event in run.events.exclude(kind=TaskEvent.Kind.STATE)]
    assert [event.data.get("batch_completed") or event.data["message"] for event in said] == [
        "one", 1, "while 2 answers are to be lost", "while 1 answers are to be lost", 2,
    ]  # fmt: skip
    assert sorted({event.seq for event in said}) == [event.seq for event in said]


def test_a_ticket_that_was_replaced_while_its_worker_was_thought_dead_claims_nothing(engine_tables: None) -> None:
    run = make_run()
    fetched_by = run.ticket
    assert lifecycle.reissue_ticket(run)
    assert lifecycle.claim(run.pk, 1, worker="slow:1:1", ticket=fetched_by) is None
    run.refresh_from_db()
    # Else it would run while its ticket waits: rescued from a worker that lives, and a ticket left behind for good.
    assert (run.status, run.events.count()) == (Status.PENDING, 1)
    claimed = lifecycle.claim(run.pk, 1, worker="quick:1:1", ticket=run.ticket)
    assert claimed is not None and claimed.worker == "quick:1:1"

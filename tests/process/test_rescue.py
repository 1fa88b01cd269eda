"""How soon the run of a worker that was killed is back in line."""

import signal
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from tasks.db import database_now
from tasks.models import TaskRun, WorkerState
from tests.servers import Process
from tests.tasks import functions
from tests.waiting import eventually

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("engine_tables"), pytest.mark.timeout(240)]


@pytest.mark.parametrize(
    ("tuned", "within"),
    [({}, 15), ({"TASKS_HEARTBEAT_SECONDS": "0.5", "TASKS_DEAD_AFTER_SECONDS": "2"}, 5)],
    ids=["default", "tuned"],
)
def test_the_run_of_a_killed_worker_is_rescued_in_time(
    started: list[Process], tuned: dict[str, str], within: float
) -> None:
    first = Process("worker", **tuned)
    started.append(first)
    result = functions.tick.using(max_attempts=2).enqueue(60_000)
    eventually(lambda: TaskRun.objects.filter(pk=result.id, processed_items__gt=5), within=60)
    started.append(Process("worker", **tuned))
    # Whoever has just started looks on for a while before it judges.
    watching = WorkerState.objects.filter(started_at__lt=Now() - timedelta(seconds=12))
    eventually(lambda: watching.count() == 2, within=60)
    first.send(signal.SIGKILL)
    killed_at = database_now()
    run = eventually(lambda: TaskRun.objects.filter(pk=result.id, attempt=2).first(), within=40)
    lost = run.events.get(data__reason="worker lost")
    print(f"rescued after {(lost.at - killed_at).total_seconds():.1f} s")
    assert lost.at - killed_at < timedelta(seconds=within)

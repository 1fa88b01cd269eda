"""How soon the run of a worker that was killed is back in line."""

import signal
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from tasks import lifecycle
from tasks.db import database_now
from tasks.models import TaskRun, WorkerState
from tasks.states import Status
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


def test_a_run_that_kills_its_workers_is_given_up_after_three_rescues(started: list[Process]) -> None:
    result = functions.kill_the_worker.using(max_attempts=10).enqueue()
    victims = 0
    while not TaskRun.objects.filter(pk=result.id, status=Status.FAILED).exists():
        assert victims <= lifecycle.MAX_RESCUES + 1, "it is poison, and goes on for ever"
        worker = Process("worker")
        started.append(worker)
        # A worker that starts rescues what its dead predecessors on this host have left.
        eventually(lambda: not worker.is_running() or TaskRun.objects.get(pk=result.id).is_final, within=60)  # noqa: B023
        victims += not worker.is_running()
    run = TaskRun.objects.get(pk=result.id)
    assert (victims, run.attempt) == (lifecycle.MAX_RESCUES + 1, lifecycle.MAX_RESCUES + 1)
    assert run.error.startswith("Worker lost")
    assert started[-1].is_running()
    harmless = functions.add.enqueue(1, 2)
    eventually(lambda: TaskRun.objects.filter(pk=harmless.id, status=Status.COMPLETED).exists(), within=30)

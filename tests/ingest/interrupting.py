"""A worker of our own for a run: stopped on the way, or once it has done it."""

from datetime import timedelta

from tasks.models import TaskRun
from tests.waiting import eventually
from tests.workers import WorkerThread


def done_by(run_id: object, worker: WorkerThread) -> TaskRun:
    """The run, once `worker` has done it."""
    try:
        return eventually(lambda: TaskRun.objects.final().filter(pk=run_id).first(), within=120)
    finally:
        worker.stop()


def interrupted(run_id: object, at_least: int) -> TaskRun:
    """The run, once it waits again: a worker had come `at_least` so far and was stopped."""
    worker = WorkerThread(grace=timedelta(milliseconds=1)).start()
    try:
        eventually(lambda: TaskRun.objects.filter(pk=run_id, processed_items__gte=at_least).exists(), within=120)
    finally:
        worker.stop()
    run = TaskRun.objects.get(pk=run_id)
    assert run.status == "pending"
    return run

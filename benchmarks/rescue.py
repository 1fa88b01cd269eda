"""A worker is killed with its run: how long until another has begun it anew.

The baseline is what nobody can undercut: the silence (TASKS_DEAD_AFTER_SECONDS) after which a worker may be taken for
dead at all. Bare Procrastinate and django-tasks-db leave such a run where it is, for ever, as they come.
"""

import signal
import time

from benchmarks.harness import Result, Row, scratch_database, worker

ROUNDS = 5
TUNED = {"TASKS_HEARTBEAT_SECONDS": "0.5", "TASKS_DEAD_AFTER_SECONDS": "2"}


def main() -> None:
    """Kill a few times with the settings as they come, and as tuned."""
    with scratch_database() as url:
        default = [_rescue(url, {}) for _ in range(ROUNDS)]
        tuned = [_rescue(url, TUNED) for _ in range(ROUNDS)]
    Result(
        key="rescue",
        title="From kill -9 of a worker to the run begun anew by another",
        unit="s",
        rows=[
            Row(name="silence that counts as death, as it comes", samples=[8.0], is_baseline=True),
            Row(name="statusproj: rescued, as it comes", samples=default),
            Row(name="silence that counts as death, tuned", samples=[2.0]),
            Row(name="statusproj: rescued, tuned", samples=tuned),
        ],
        target="at most 15 s as it comes",
        packages=["procrastinate", "django", "psycopg"],
        notes=[f"Tuned: {', '.join(f'{name}={value}' for name, value in TUNED.items())}"],
    ).save()


def _rescue(url: str, settings: dict[str, str]) -> float:
    from datetime import timedelta

    from django.db.models.functions import Now

    from benchmarks import functions
    from tasks.manager import cancel_task
    from tasks.models import TaskRun, WorkerState
    from tasks.states import Status

    with worker(url, LOG_LEVEL="CRITICAL", **settings) as first:
        run_id = functions.turns.using(max_attempts=2).enqueue().id
        while not TaskRun.objects.filter(pk=run_id, status=Status.RUNNING).exists():
            time.sleep(0.05)
        with worker(url, LOG_LEVEL="CRITICAL", **settings):
            # Whoever has just started looks on for a while before it judges.
            while WorkerState.objects.filter(started_at__lt=Now() - timedelta(seconds=12)).count() < 2:
                time.sleep(0.1)
            first.send(signal.SIGKILL)
            killed = time.perf_counter()
            while not TaskRun.objects.filter(pk=run_id, attempt=2).exists():
                time.sleep(0.02)
            taken = time.perf_counter() - killed
            cancel_task(run_id)
            while not TaskRun.objects.filter(pk=run_id, status=Status.CANCELLED).exists():
                time.sleep(0.05)
    WorkerState.objects.all().delete()
    return taken


if __name__ == "__main__":
    main()

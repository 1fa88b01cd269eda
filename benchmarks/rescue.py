"""A worker is killed with its run: how long until another has begun it anew.

The baseline is what nobody can undercut: the silence (TASKS_DEAD_AFTER_SECONDS) after which a worker may be taken for
dead at all. Bare Procrastinate and django-tasks-db leave such a run where it is, for ever, as they come.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.harness import Result, Row, scratch_database

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

    with _worker(url, settings) as first:
        run_id = functions.turns.using(max_attempts=2).enqueue().id
        while not TaskRun.objects.filter(pk=run_id, status=Status.RUNNING).exists():
            time.sleep(0.05)
        with _worker(url, settings):
            # Whoever has just started looks on for a while before it judges.
            while WorkerState.objects.filter(started_at__lt=Now() - timedelta(seconds=12)).count() < 2:
                time.sleep(0.1)
            first.send_signal(signal.SIGKILL)
            killed = time.perf_counter()
            while not TaskRun.objects.filter(pk=run_id, attempt=2).exists():
                time.sleep(0.02)
            taken = time.perf_counter() - killed
            cancel_task(run_id)
            while not TaskRun.objects.filter(pk=run_id, status=Status.CANCELLED).exists():
                time.sleep(0.05)
    WorkerState.objects.all().delete()
    return taken


@contextmanager
def _worker(url: str, settings: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "manage.py", "worker"],
        env={**os.environ, "DATABASE_URL": url, "LOG_LEVEL": "CRITICAL", **settings},
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


if __name__ == "__main__":
    main()

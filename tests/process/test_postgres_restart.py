"""Postgres goes away and comes back under a worker: runs go on, and new ones start promptly."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.servers import ROOT, Process
from tests.waiting import eventually

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("db"), pytest.mark.timeout(180)]

ENQUEUE = """
import django, sys, time
django.setup()
from tests.tasks import functions
from tasks.models import TaskRun
from tests.waiting import eventually
if sys.argv[1] == "long":
    result = functions.tick.using(max_attempts=5).enqueue(600)
    eventually(lambda: TaskRun.objects.filter(pk=result.id, processed_items__gt=5), within=30)
    print(result.id)
elif sys.argv[1] == "short":
    begun = time.monotonic()
    result = functions.add.enqueue(1, 2)
    eventually(lambda: TaskRun.objects.get(pk=result.id).status == "completed", within=30)
    print(time.monotonic() - begun)
else:
    eventually(lambda: TaskRun.objects.get(pk=sys.argv[1]).status == "completed", within=60)
    print("completed")
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A data folder with a Postgres of its own."""
    environment = {"DATABASE_URL": "", "DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "statusproj.settings"}
    subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", "migrate", "-v", "0"],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=True,
    )
    return environment


@pytest.fixture
def worker(environment: dict[str, str]) -> Iterator[Process]:
    """`manage.py worker` on it."""
    process = Process("worker", **environment)
    yield process
    process.end()


def ask(environment: dict[str, str], what: str) -> str:
    """Run the script above."""
    script = [sys.executable, "-W", "ignore", "-c", ENQUEUE, what]
    done = subprocess.run(script, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_runs_go_on_and_new_ones_start_promptly_after_postgres_restarts(
    environment: dict[str, str], worker: Process
) -> None:
    long_run = ask(environment, "long")
    pid_file = Path(environment["DATA_DIR"]) / "postgres" / "postmaster.pid"
    postmaster = psutil.Process(int(pid_file.read_text().split()[0]))
    postmaster.send_signal(signal.SIGINT)  # a fast shutdown, as a restart begins
    eventually(lambda: not postmaster.is_running() or postmaster.status() == psutil.STATUS_ZOMBIE, within=30)

    # The next connection, the worker's or ours, starts it again.
    assert float(ask(environment, "short")) < 15
    assert float(ask(environment, "short")) < 3, "woken by a notification or the poll, not by luck"
    assert ask(environment, long_run) == "completed"
    assert worker.is_running()

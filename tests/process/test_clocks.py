"""The wall clock of a worker's machine jumps by an hour while it works."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from notifications.models import Notification
from tasks.db import database_now
from tasks.models import TaskRun
from tasks.states import FINAL, Status
from tests.servers import Process
from tests.tasks import functions
from tests.waiting import eventually

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("engine_tables"), pytest.mark.timeout(240)]

HOUR = timedelta(hours=1)

# Python reads this at its start, before anything else is imported: the clock shows as many seconds more as stand in the
# file, once there is one.
SITECUSTOMIZE = """
import os, time
from datetime import timedelta
import django.utils.timezone as zone

true_time, true_now = time.time, zone.now

def jump():
    try:
        with open(os.environ["CLOCK_FILE"]) as file:
            return float(file.read() or 0)
    except FileNotFoundError:
        return 0.0

time.time = lambda: true_time() + jump()
zone.now = lambda: true_now() + timedelta(seconds=jump())
"""


def ended(run_id: str) -> TaskRun:
    """The run, once it has ended."""
    return eventually(lambda: TaskRun.objects.filter(pk=run_id, status__in=FINAL).first(), within=60)


@pytest.fixture
def set_clock(tmp_path: Path, started: list[Process]) -> Callable[[timedelta], None]:
    """A worker on a machine whose clock can be set; `set_clock(by)` sets it."""
    (tmp_path / "sitecustomize.py").write_text(SITECUSTOMIZE)
    clock = tmp_path / "clock"
    started.append(Process("worker", PYTHONPATH=str(tmp_path), CLOCK_FILE=str(clock)))

    def set_it(by: timedelta) -> None:
        clock.write_text(str(by.total_seconds()))

    return set_it


@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["forward", "back"])
def test_a_clock_that_jumps_ends_no_run_starts_none_early_and_shows_no_nonsense(
    set_clock: Callable[[timedelta], None], by: timedelta, owner: User, tmp_path: Path
) -> None:
    gate = functions.gate_file("clock")
    gate.unlink(missing_ok=True)
    traces = str(tmp_path / "traces")
    limited = functions.leave_traces.using(owner=owner, timeout=timedelta(minutes=10))
    result = limited.enqueue(traces, "clock")
    eventually(lambda: TaskRun.objects.filter(pk=result.id, processed_items=1), within=60)
    early = functions.add.using(run_after=database_now() + HOUR / 2).enqueue(1, 2)
    set_clock(by)
    retried = functions.fail_twice.enqueue("clock")
    assert ended(retried.id).status == Status.COMPLETED, "its second and third attempt were due by the true clock"
    gate.touch()
    run = ended(result.id)
    gate.unlink()
    assert (run.status, run.attempt, run.rescues) == (Status.COMPLETED, 1, 0)
    [said] = run.events.filter(kind="log")
    assert abs(said.at - database_now() - by) < HOUR / 2, "the worker's clock did jump"
    for one in (run, TaskRun.objects.get(pk=retried.id)):
        assert one.started_at is not None and one.completed_at is not None
        assert one.created_at <= one.started_at <= one.completed_at <= database_now()
        times = [event.at for event in one.events.filter(kind="state").order_by("seq")]
        assert all(before <= after for before, after in pairwise(times)), times
    assert TaskRun.objects.get(pk=early.id).status == Status.PENDING
    assert Notification.objects.count() == 1

"""Isolated children and checkpoints, in real worker processes that are killed."""

import signal
from pathlib import Path

import psutil
import pytest

from tasks.models import TaskRun
from tasks.states import FINAL, Status
from tests.servers import Process
from tests.tasks import working_functions as functions
from tests.waiting import eventually

pytestmark = [pytest.mark.process, pytest.mark.timeout(300)]


def gone(pid: int) -> bool:
    """Is there no such process any more?"""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("function", [functions.isolated_spin, functions.isolated_with_grandchild])
def test_no_child_outlives_a_worker_killed_with_9(started: list[Process], function: object) -> None:
    worker = Process("worker")
    started.append(worker)
    result = function.enqueue()
    run = eventually(
        lambda: TaskRun.objects.filter(pk=result.id, status=Status.RUNNING).exclude(message="").first(), within=30
    )
    pids = [int(pid) for pid in run.message.split()]
    servers = psutil.Process(worker.pid).children(recursive=True)
    assert set(pids) <= {process.pid for process in servers}
    if function is functions.isolated_spin:
        eventually(lambda: psutil.Process(pids[0]).cpu_times().user > 0.2, what="it holds on to the interpreter")
    worker.send(signal.SIGKILL)
    worker.wait()
    eventually(lambda: all(gone(pid) for pid in pids), within=2, what="the child and what it started are gone")
    eventually(lambda: all(gone(process.pid) for process in servers), within=5, what="nothing else is left either")


@pytest.mark.parametrize(("function", "total"), [(functions.long_work, 4_000), (functions.long_work_isolated, 2_500)])
def test_a_run_of_many_items_killed_with_9_goes_on_where_it_was(
    started: list[Process], function: object, total: int, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    first = Process("worker")
    started.append(first)
    result = function.enqueue(total, str(trace))
    eventually(lambda: trace.exists() and len(trace.read_text().splitlines()) > 1000, within=40)
    first.send(signal.SIGKILL)
    first.wait()
    started.append(Process("worker"))
    run = eventually(lambda: TaskRun.objects.filter(pk=result.id, status__in=FINAL).first(), within=240)
    assert (run.status, run.error, run.attempt) == (Status.COMPLETED, "", 2)
    assert run.result >= 1000, "the second attempt began where the first was"
    done = [int(line) for line in trace.read_text().splitlines()]
    assert sorted(set(done)) == list(range(total)), "every item was done"
    assert len(done) <= total + 1, "none twice, but perhaps the one in flight"
    assert run.items.count() == total

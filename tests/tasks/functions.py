"""Task functions that tests run."""

import asyncio
import os
import signal
import tempfile
import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.tasks import task

from tasks.backend import TaskContext

GATES: dict[str, threading.Event] = {}
SEEN: list[str] = []


def gate(name: str) -> threading.Event:
    """An event that a function waits for and a test sets; both find it by `name`."""
    return GATES.setdefault(name, threading.Event())


@task
def add(a: int, b: int) -> int:
    """A plain function, written for any backend."""
    return a + b


@task
async def add_async(a: int, b: int) -> int:
    """The same as a coroutine."""
    return a + b


@task
def note(text: str) -> str:
    """Leaves a trace of having run."""
    SEEN.append(text)
    return text


@task
def return_this(value: Any) -> Any:
    """Returns its argument."""
    return value


@task
def return_nothing_json_knows() -> Any:
    """Returns what cannot be stored."""
    return object()


@task
def raise_secretly() -> None:
    """Fails with a password in its message."""
    raise ValueError("cannot reach postgres://app:hunter2@db/prod")


@task(max_attempts=3, backoff=timedelta(milliseconds=1))
def fail_twice(key: str) -> str:
    """Succeeds at the third attempt."""
    SEEN.append(key)
    if SEEN.count(key) < 3:
        raise ConnectionError("not yet")
    return "third time lucky"


@task(takes_context=True)
async def count_to(context: TaskContext, total: int) -> dict[str, int]:
    """Reports each of `total` items."""
    async for _ in context.progress.track(range(total), stage="counting"):
        pass
    return {"counted": total}


@task(takes_context=True)
async def wait_for_gate(context: TaskContext, name: str) -> str:
    """A coroutine that waits until a test lets it go."""
    context.progress.update(processed=1, total=4, stage="waiting", current_item=name)
    while not gate(name).is_set():  # noqa: ASYNC110 - the gate is opened from another thread
        await asyncio.sleep(0.01)
    return "opened"


@task(takes_context=True)
def wait_for_gate_in_thread(context: TaskContext, name: str) -> str:
    """A sync function that reports while it waits."""
    while not gate(name).is_set():
        context.progress.update(stage="waiting")
        time.sleep(0.01)
    return "opened"


@task(takes_context=True)
def misreport(context: TaskContext) -> str:
    """Says impossible things about its progress."""
    report = context.progress
    report.update(processed=50, total=100, message="a\x00b")
    report.update(processed=20)
    report.update(processed=2000)
    report.update(processed=-5)
    return "done"


@task(takes_context=True)
async def finish_when_stopped(context: TaskContext) -> str:
    """Does its work to the end, though it is told to stop in the middle."""
    context.progress.update(stage="waiting")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        SEEN.append("finished")
    return "finished"


@task(timeout=timedelta(milliseconds=200))
async def sleep_for_ever() -> None:
    """Would never end by itself."""
    await asyncio.Event().wait()


@task(timeout=timedelta(milliseconds=200), takes_context=True)
def spin_for_ever(context: TaskContext) -> None:
    """A thread that would never end by itself, but reports."""
    while True:
        context.progress.update(stage="spinning")
        time.sleep(0.005)


@task(takes_context=True)
def batches(context: TaskContext, count: int) -> None:
    """Reports `count` batches."""
    for number in range(1, count + 1):
        context.progress.batch(completed=number, total=count, results=[{"item": number}])
    context.log("all batches sent", level="info")


@task(takes_context=True)
async def tick(context: TaskContext, hundredths: int) -> int:
    """Counts hundredths of a second."""
    async for _ in context.progress.track(range(hundredths), stage="ticking"):
        await asyncio.sleep(0.01)
    return hundredths


def gate_file(name: str) -> Path:
    """A gate between processes: the function waits until a test has made the file."""
    return Path(tempfile.gettempdir()) / f"statusproj-test-gate-{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}-{name}"


@task(takes_context=True)
async def reporter(context: TaskContext, gate_name: str) -> dict[str, int]:
    """Waits for its gate, then reports three batches, slowly enough for each to be its own write."""
    gate = gate_file(gate_name)
    while not gate.exists():  # noqa: ASYNC110 - the gate is opened by another process
        await asyncio.sleep(0.02)
    gate.unlink()
    for batch in range(1, 4):
        context.progress.update(processed=batch * 10, total=30, stage="reporting", current_item=f"item {batch}")
        context.progress.batch(completed=batch, total=3, results=[{"batch": batch}])
        await asyncio.sleep(0.3)
    context.log("three batches")
    return {"reported": 3}


@task(takes_context=True)
def leave_a_thread_behind(context: TaskContext, name: str) -> None:
    """Returns while a thread of its own still means to report."""

    def report_late() -> None:
        gate(name).wait(30)
        context.progress.update(processed=77, total=100, message="too late")
        SEEN.append(f"{name} reported")

    threading.Thread(target=report_late, daemon=True).start()


@task(timeout=timedelta(milliseconds=200))
def be_deaf(name: str) -> None:
    """Neither reports nor ends before its gate opens."""
    gate(name).wait(60)


@task
def sign_in(user: str, password: str) -> str:
    """Takes a secret by position, and says that it got the real one."""
    SEEN.append(password)
    return user


def _trace(file: str, word: str) -> None:
    with open(file, "a") as traces:
        traces.write(f"{word}\n")


@task(takes_context=True)
async def leave_traces(context: TaskContext, file: str, gate_name: str) -> str:
    """Writes a line to `file` when it begins and when it ends; between them it waits for its gate, if it has one."""
    _trace(file, "begun")
    context.progress.update(processed=1, total=2, stage="waiting")
    while gate_name and not gate_file(gate_name).exists():  # noqa: ASYNC110 - the gate is opened by another process
        await asyncio.sleep(0.02)
    context.log("the gate is open")
    _trace(file, "ended")
    return "traced"


@task(keep=timedelta(days=30))
def be_remembered() -> None:
    """Its runs are kept for a month."""


@task
def kill_the_worker() -> None:
    """Takes its worker down with it."""
    os.kill(os.getpid(), signal.SIGKILL)


AT_ONCE: Counter[str] = Counter()
MOST_AT_ONCE: Counter[str] = Counter()


@task(concurrency_limit=2)
async def count_itself(name: str) -> None:
    """Counts how many of it run at once."""
    AT_ONCE[name] += 1
    MOST_AT_ONCE[name] = max(MOST_AT_ONCE[name], AT_ONCE[name])
    await asyncio.sleep(0.02)
    AT_ONCE[name] -= 1

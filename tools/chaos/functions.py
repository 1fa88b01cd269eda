"""What workers do meanwhile. Each execution leaves lines in a file, so that what is done twice is seen from outside."""

import asyncio
import json
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from tasks.backend import TaskContext
from tasks.decorators import task

TRACES = "traces.jsonl"
# What `book` writes beside its checkpoint, in the same transaction.
BOOKED = "CREATE TABLE chaos_booked (run uuid NOT NULL, line int NOT NULL)"

MANY = 12  # attempts
SOON = timedelta(milliseconds=200)


def trace(context: TaskContext, what: str) -> None:
    """One line, written by one call: of several processes none writes into another's."""
    line = json.dumps(
        {
            "run": str(context.run_id),
            "attempt": context.run.attempt,
            "what": what,
            "pid": os.getpid(),
            "at": time.time(),
        }
    )
    file = os.open(Path(os.environ["CHAOS_FOLDER"]) / TRACES, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, f"{line}\n".encode())
    finally:
        os.close(file)


@task(takes_context=True)
async def once(context: TaskContext, steps: int, pause: float) -> int:
    """One attempt, a coroutine, a bar."""
    trace(context, "begun")
    async for _ in context.progress.track(range(steps), total=steps, stage="once"):
        await asyncio.sleep(pause)
    trace(context, "ended")
    return steps


@task(takes_context=True)
def once_in_thread(context: TaskContext, steps: int, pause: float) -> int:
    """One attempt, in a thread that reports."""
    trace(context, "begun")
    for _ in context.progress.track(range(steps), total=steps, stage="in a thread"):
        time.sleep(pause)
    trace(context, "ended")
    return steps


@task(takes_context=True)
def once_silently(context: TaskContext, steps: int, pause: float) -> int:
    """One attempt, in a thread that does not report: a stop finds it at its end."""
    trace(context, "begun")
    time.sleep(min(steps * pause, 0.8))
    trace(context, "ended")
    return steps


@task(takes_context=True, isolate=True)
def once_isolated(context: TaskContext, steps: int, pause: float) -> int:
    """One attempt, in a process of its own."""
    trace(context, "begun")
    for _ in context.progress.track(range(steps), total=steps, stage="isolated"):
        time.sleep(pause)
    trace(context, "ended")
    return steps


@task(takes_context=True)
async def once_in_batches(context: TaskContext, steps: int, pause: float) -> int:
    """One attempt that says each batch, and a line in the log for it, exactly once."""
    trace(context, "begun")
    for number in range(1, steps + 1):
        context.progress.batch(completed=number, total=steps, results=[{"batch": number}])
        context.log(f"batch {number}")
        await asyncio.sleep(pause)
    trace(context, "ended")
    return steps


@task(takes_context=True, max_attempts=MANY, backoff=SOON)
async def again(context: TaskContext, steps: int, pause: float) -> int:
    """Fails twice, then does it."""
    trace(context, "begun")
    await asyncio.sleep(pause)
    if context.run.failed_attempts < 2:
        raise ConnectionError("not yet")
    trace(context, "ended")
    return steps


@task(takes_context=True, max_attempts=MANY, backoff=SOON)
def book(context: TaskContext, steps: int, pause: float) -> int:
    """Books lines and says how far it is, in one transaction: each line is there once, whatever happens."""
    trace(context, "begun")
    first = context.checkpoint.value or 0
    for number in range(first + 1, steps + 1):
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO chaos_booked (run, line) VALUES (%s, %s)", [context.run_id, number])
            context.items.done(f"line {number}")
            context.checkpoint.save(number)
        context.progress.update(processed=number, total=steps, stage="booking")
        time.sleep(pause)
    trace(context, "ended")
    return steps


@task(takes_context=True, timeout=timedelta(seconds=1))
async def overdue(context: TaskContext, steps: int, pause: float) -> None:
    """Never ends by itself."""
    trace(context, "begun")
    await asyncio.Event().wait()


@task(takes_context=True, isolate=True)
def lose_its_process(context: TaskContext, steps: int, pause: float) -> None:
    """Its process ends without a word."""
    trace(context, "begun")
    os._exit(7)


@task(takes_context=True, concurrency_limit=2)
async def few_at_once(context: TaskContext, steps: int, pause: float) -> int:
    """One attempt; two at a time."""
    trace(context, "begun")
    await asyncio.sleep(min(steps * pause, 1))
    trace(context, "ended")
    return steps


@task(takes_context=True)
async def tick(context: TaskContext) -> None:
    """Reports ten times a second, for five seconds: far oftener than anybody re-reads."""
    trace(context, "begun")
    async for _ in context.progress.track(range(50), total=50, stage="ticking"):
        await asyncio.sleep(0.1)
    trace(context, "ended")


# How often each is chosen.
KINDS: dict[Any, int] = {
    once: 4,
    once_in_thread: 3,
    once_silently: 3,
    once_isolated: 2,
    once_in_batches: 3,
    again: 2,
    book: 3,
    overdue: 1,
    lose_its_process: 1,
    few_at_once: 2,
}

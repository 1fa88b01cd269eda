"""Task functions that benchmarks run."""

import asyncio
import threading
import time
from typing import Any

from tasks.decorators import task

started_at: list[float] = []
has_started = threading.Event()


def mark() -> None:
    """Note the moment at which a function is under way."""
    started_at.append(time.perf_counter())
    has_started.set()


@task
async def start() -> None:
    """Does nothing but start."""
    mark()


counted: dict[str, Any] = {}
has_counted = threading.Event()


@task
async def nothing() -> None:
    """Costs what a run costs."""


@task(takes_context=True)
def count(context: Any, calls: int, rounds: int) -> None:
    """Call progress, and tqdm, very often."""
    from benchmarks.progress import take_turns

    taken, seconds = take_turns(context, calls, rounds)
    counted.update(taken, seconds=[seconds])
    has_counted.set()


@task(takes_context=True)
def steps(context: Any, seconds: float) -> int:
    """Shows a bar for so many seconds, says a little, keeps a few items and a checkpoint."""
    for number in context.progress.track(range(20), stage="working"):
        context.items.done(f"item-{number}", {"number": number})
        if number % 5 == 0:
            context.log(f"step {number}")
            context.checkpoint.save(number)
        time.sleep(seconds / 20)
    return 20


@task
def fails(seconds: float) -> None:
    """Fails after so many seconds."""
    time.sleep(seconds)
    raise ValueError("it was to be expected")


@task(takes_context=True, isolate=True)
def apart(context: Any, seconds: float) -> None:
    """The same in a child process."""
    for _ in context.progress.track(range(10)):
        time.sleep(seconds / 10)


stopped_at: list[float] = []
has_stopped = threading.Event()


def _stopped() -> None:
    stopped_at.append(time.perf_counter())
    has_stopped.set()


@task
async def waits() -> None:
    """Waits until it is stopped."""
    try:
        await asyncio.sleep(3600)
    finally:
        _stopped()


@task(takes_context=True)
def turns(context: Any) -> None:
    """Reports every 5 ms until it is stopped."""
    try:
        for _ in range(720_000):
            context.progress.advance()
            time.sleep(0.005)
    finally:
        _stopped()


@task(isolate=True)
def spins() -> None:
    """Never looks up, in a process of its own."""
    while True:
        time.sleep(1)


@task(takes_context=True, title="A short run")
async def short_run(context: Any, total: int) -> dict[str, int]:
    """Waits on something else most of its time, says how far it is, and in the end a word about it."""
    async for _ in context.progress.track(range(total), total=total, stage="working"):
        await asyncio.sleep(0.02)
    context.progress.log(f"{total} steps done")
    return {"steps": total}

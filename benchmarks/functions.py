"""Task functions that benchmarks run."""

import threading
import time
from typing import Any

from django.tasks import task

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


@task(takes_context=True)
def count(context: Any, calls: int, rounds: int) -> None:
    """Call progress, and tqdm, very often."""
    from benchmarks.progress import take_turns

    taken, seconds = take_turns(context, calls, rounds)
    counted.update(taken, seconds=[seconds])
    has_counted.set()

"""Task functions that benchmarks run."""

import threading
import time

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

"""Child processes for what costs computing time, and may hang: killed for good once they take too long.

One pool per process, made on first use and shared by all its runs: there are only so many processors. It
holds no state.
"""

import asyncio
import atexit
import logging
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError as FutureCancelled

import psutil
from pebble import ProcessExpired, ProcessPool

from .decisions import Failure

SECONDS = 10.0
MEMORY = 1 << 30  # beyond what the libraries take
if sys.platform == "linux":
    import resource

_PRELOAD = ["tasks.preload"]  # which loads TASKS_PRELOAD, and with it ingest.preload
_lock = threading.Lock()
_pool: ProcessPool | None = None


class AnalysisError(Exception):
    """The work in the child did not end well; `code` says how."""

    def __init__(self, code: Failure) -> None:
        super().__init__(f"{str(code.label).capitalize()}.")
        self.code = code


async def in_child[**P, R](function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call `function`, a plain importable one, in a child process and await its result.

    The child is killed after 10 s, and at once when the caller is cancelled, and has a gigabyte of memory. Raises
    AnalysisError when it was killed, crashed or needed more; what `function` itself raises arrives as it is.
    """
    future = _shared_pool().schedule(function, args=list(args), kwargs=dict(kwargs), timeout=SECONDS)
    try:
        return await asyncio.wrap_future(future)
    except TimeoutError:
        raise AnalysisError(Failure.ANALYSIS_TIMEOUT) from None
    except (ProcessExpired, FutureCancelled, MemoryError):
        raise AnalysisError(Failure.ANALYSIS_CRASHED) from None


def warm_up() -> None:
    """Start the children now rather than with the first page."""
    for _ in range(_size()):
        _shared_pool().schedule(prepare)


def close() -> None:
    """Stop the children; the next use starts new ones."""
    global _pool
    with _lock:
        pool, _pool = _pool, None
    if pool is not None:
        pool.stop()
        pool.join()


def prepare() -> None:
    """In a child, once: stand back behind the process that talks to browsers, and keep remarks on pages out
    of our log.
    """
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    logging.getLogger("htmldate").setLevel(logging.CRITICAL)
    os.nice(5)
    if sys.platform == "linux":
        # Few bytes can become many texts: whoever needs more than this alone gets no more, and nobody else gets less.
        room = psutil.Process().memory_info().data + MEMORY
        _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (room if hard == resource.RLIM_INFINITY else min(room, hard), hard))


def _size() -> int:
    return max(1, min(3, os.cpu_count() or 1))


def _shared_pool() -> ProcessPool:
    global _pool
    with _lock:
        if _pool is None or not _pool.active:
            # Not fork: this process has threads, and a child would inherit their locks. The fork server has
            # none, and holds the libraries loaded, so that a child that replaces a killed one starts in
            # milliseconds.
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(_PRELOAD)
            _pool = ProcessPool(max_workers=_size(), context=context, initializer=prepare, max_tasks=2_000)
        return _pool


atexit.register(close)

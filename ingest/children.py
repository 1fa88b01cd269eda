"""Child processes for what costs computing time, and may hang: killed for good once they take too long.

A few per process, made on first use and shared by all its runs: there are only so many processors. Each is a pool of
its own with one child in it, so that a child that dies, whatever it was doing, takes nothing of its neighbours with it.
Whose turn it is when all are busy, turns.py decides. A child holds no state.
"""

import asyncio
import atexit
import logging
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

import psutil
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from pebble import ProcessExpired, ProcessPool

from .collecting.turns import PAGES_ON_PROBATION, Owner, Turns
from .decisions import Failure

SECONDS = 10.0
MEMORY = 1 << 30  # beyond what the libraries take
if sys.platform == "linux":
    import resource

_PRELOAD = ["tasks.preload"]  # which loads TASKS_PRELOAD, and with it ingest.preload
_lock = threading.Lock()
_pools: dict[int, ProcessPool] = {}
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()
_owner: ContextVar[Owner | None] = ContextVar("owner of work in children", default=None)


class AnalysisError(Exception):
    """The work in the child did not end well; `code` says how, `detail` more of it for people; `why`: both, inside a
    sentence.
    """

    def __init__(self, code: Failure, detail: str = "") -> None:
        super().__init__(code.sentence(detail))
        self.code = code
        self.why = code.because(detail)


@contextmanager
def one_run() -> Iterator[None]:
    """What is asked of the children inside, and in tasks begun inside, counts as one run's when they take turns."""
    token = _owner.set(_owner.get() or Owner())
    try:
        yield
    finally:
        _owner.reset(token)


async def in_child[**P, R](function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call `function`, a plain importable one, in a child process and await its result.

    The child is killed after 10 s, and at once when the caller is cancelled, and has a gigabyte of memory. What it says
    to people it says in the language that is active here. Raises AnalysisError when it was killed, crashed or needed
    more; what `function` itself raises arrives as it is.
    """
    owner = _owner.get() or Owner()
    async with _turns_here().turn(owner) as place:
        try:
            return await _call(place, function, args, kwargs)
        except AnalysisError:
            owner.probation = PAGES_ON_PROBATION + 1  # this one is counted down at once
            raise


async def _call(place: int, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    language = translation.get_language() or settings.LANGUAGE_CODE
    for last_try in (False, True):
        try:
            pool = await _started_pool(place)
            future = pool.schedule(_speaking, args=[language, function, args, kwargs], timeout=SECONDS)
            return await asyncio.wrap_future(future)
        except TimeoutError:
            raise AnalysisError(Failure.ANALYSIS_TIMEOUT) from None
        except MemoryError:
            raise AnalysisError(Failure.ANALYSIS_CRASHED, _("it takes too much memory")) from None
        except (ProcessExpired, FutureCancelled):
            raise AnalysisError(Failure.ANALYSIS_CRASHED) from None
        except BrokenProcessPool:
            # The child died before it had begun: not this page's fault, once.
            if last_try:
                raise AnalysisError(Failure.ANALYSIS_CRASHED) from None
    raise AssertionError  # the last try returns or raises


def _speaking(language: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """In a child: call `function` where `language` is active. Most pages in a row are in one language."""
    if translation.get_language() != language:
        translation.activate(language)
    return function(*args, **kwargs)


def close() -> None:
    """Stop the children; the next use starts new ones."""
    with _lock:
        pools = list(_pools.values())
        _pools.clear()
    for pool in pools:
        pool.stop()
    for pool in pools:
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


def _turns_here() -> Turns:
    loop = asyncio.get_running_loop()
    if loop not in _turns:
        _turns[loop] = Turns(_size())
    return _turns[loop]


async def _started_pool(place: int) -> ProcessPool:
    """The pool of `place`, started. The first start in a process waits until the fork server has loaded the libraries,
    seconds on a slow machine: in a thread, or the worker gives no sign of life meanwhile and loses its runs.
    """
    pool = _pools.get(place)
    return pool if pool is not None and pool.active else await asyncio.to_thread(_pool, place)


def _pool(place: int) -> ProcessPool:
    with _lock:
        pool = _pools.get(place)
        if pool is None or not pool.active:
            # Not fork: this process has threads, and a child would inherit their locks. The fork server has
            # none, and holds the libraries loaded, so that a child that replaces a killed one starts in
            # milliseconds.
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(_PRELOAD)
            pool = ProcessPool(max_workers=1, context=context, initializer=prepare, max_tasks=2_000)
            _ = pool.active  # starts it
            _pools[place] = pool
        return pool


atexit.register(close)

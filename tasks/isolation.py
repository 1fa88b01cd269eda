"""The worker's side of `isolate=True`: starts the child process, listens to it, ends it. The child's side is child.py.

Why a process per attempt from a fork server: docs/decisions/isolation.md.
"""

import asyncio
import atexit
import json
import logging
import multiprocessing
import multiprocessing.util
import os
import signal
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from django.db import connections
from django.utils.translation import get_language

from live import tracing

from . import child, sentences
from .exceptions import ChildDied
from .models import TaskRun
from .progress import Progress

logger = logging.getLogger(__name__)

PRELOAD = "tasks.preload"
END_GRACE = 1.0  # seconds between a child's answer and its end

_living: set["Isolated"] = set()


class ChildError(Exception):
    """The function raised in its child process; `said` is child.describe() of what."""

    def __init__(self, said: dict[str, Any]) -> None:
        super().__init__(said["message"])
        self.said = said


class Isolated:
    """One attempt in a child process. `start()` gives the future of what its function returns or raises."""

    def __init__(self, run: TaskRun, progress: Progress) -> None:
        self._run = run
        self._progress = progress
        self._language = get_language()
        self._trace = tracing.carrier()
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[Any] = self._loop.create_future()
        self._lock = threading.Lock()
        self._killed = False
        self._ended = False
        self._process: Any = None
        self._channel: Connection | None = None
        self._stop = ""

    def start(self) -> "asyncio.Future[Any]":
        """Start the child, on a thread that then listens to it until its end."""
        threading.Thread(target=self._live, name=f"child of run {self._run.pk}", daemon=True).start()
        return self._future

    def ask_to_stop(self, why: str) -> None:
        """Make the function's next progress call raise RunStopped."""
        with self._lock:
            self._stop = why
            self._pass_on_stop()

    def kill(self) -> None:
        """End the child, and what it started, for good. It need not exist yet, nor any more."""
        with self._lock:
            self._killed = True
            if self._process is not None and not self._ended:
                with suppress(ProcessLookupError):  # it has no group of its own yet
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.kill()

    def _live(self) -> None:
        value, error = None, None
        _living.add(self)
        try:
            value = self._run_child()
        except BaseException as caught:
            error = caught
        finally:
            _living.discard(self)
        with suppress(RuntimeError):  # the loop is gone: nobody waits for us any more
            self._loop.call_soon_threadsafe(self._deliver, value, error)

    def _deliver(self, value: Any, error: BaseException | None) -> None:
        if self._future.done():
            return
        if error is None:
            self._future.set_result(value)
        else:
            self._future.set_exception(error)

    def _run_child(self) -> Any:
        context = _context()
        channel, far_end = context.Pipe()
        lifeline, held = context.Pipe(duplex=False)
        order = {
            "run": str(self._run.pk),
            "attempt": self._run.attempt,
            "language": self._language,
            "trace": self._trace,
            "databases": {alias: connections.settings[alias]["NAME"] for alias in connections},
        }
        process = context.Process(target=child.main, args=(far_end, lifeline, order))
        process.start()
        far_end.close()
        lifeline.close()
        with channel, held:
            with self._lock:
                self._process, self._channel = process, channel
                self._pass_on_stop()
            if self._killed:
                self.kill()
            answer = self._hear(channel)
            process.join(END_GRACE)
            if process.exitcode is None:
                self.kill()
                process.join()
            with self._lock:
                self._ended, self._channel = True, None
        if answer is None:
            raise ChildDied(_how_it_died(process.exitcode))
        if "error" in answer:
            raise ChildError(answer["error"])
        return answer["value"]

    def _hear(self, channel: Connection) -> dict[str, Any] | None:
        """Take what the child reports over until it answers; None when it ends without."""
        while True:
            try:
                message = json.loads(channel.recv_bytes())
            except (EOFError, OSError, ValueError):
                return None
            if "report" not in message:
                return dict(message)
            self._progress.absorb(child.report_of(message["report"]), dropped=message["report"]["dropped"])

    def _pass_on_stop(self) -> None:
        if self._stop and self._channel is not None:
            with suppress(OSError):  # it has ended by itself
                self._channel.send_bytes(json.dumps({"stop": self._stop}).encode())


def _context() -> Any:
    # Not fork: this process has threads, and a child would inherit their locks. The fork server has none, and has
    # Django loaded, so that a child is there in milliseconds.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOAD])
    return context


def _how_it_died(code: int | None) -> str:
    if code is None or code >= 0:
        return sentences.ENDED_BY_ITSELF % {"code": code}
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    known = {"SIGKILL": sentences.KILLED, "SIGSEGV": sentences.CRASHED, "SIGABRT": sentences.GAVE_UP}
    return known.get(name, sentences.ENDED_BY_SIGNAL) % {"name": name}


def _kill_the_rest() -> None:
    """Before multiprocessing waits for its children at exit: nobody is left to hear what they say."""
    for isolated in list(_living):
        isolated.kill()


# Runs before multiprocessing's own, because it was registered after it.
atexit.register(_kill_the_rest)

"""The child's side of `isolate=True`: one process, one attempt of one run. The worker's side is isolation.py.

Both speak JSON over one socket pair. Child to worker: `report` (what progress.Progress takes over), then `value` or
`error`, once. Worker to child: `stop`. The child lives only as long as its worker: a pipe that the worker holds open
ends it, and all that it started, from inside the kernel, even while C code keeps Python from running.
"""

import fcntl
import json
import os
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from multiprocessing.connection import Connection
from select import select
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .reporting import Report

SEND_INTERVAL = 0.1  # seconds between two reports


def main(channel: Connection, lifeline: Connection, order: dict[str, Any]) -> None:
    """Execute the attempt that `order` names and answer over `channel`."""
    os.setsid()  # a group of our own: who kills it kills also what the function started
    _end_with(lifeline)
    try:
        _set_up(order["databases"])
        answer = _execute(channel, order)
    except BaseException as error:
        answer = {"error": describe(error)}
    with suppress(OSError):
        channel.send_bytes(_encoded(answer))
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    # What the function left running (threads, programs) ends with it, and cannot keep us.
    os.killpg(0, signal.SIGKILL)


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as the worker can record it: class path, message, traceback, and whether it is for good."""
    from .exceptions import DoNotRetry

    kind = type(error)
    try:
        message = str(error)
    except Exception:
        message = "(its message cannot be read)"
    return {
        "class": f"{kind.__module__}.{kind.__qualname__}",
        "message": message[:100_000],
        "traceback": "".join(traceback.format_exception(error))[-200_000:],
        "final": isinstance(error, DoNotRetry),
    }


def report_of(message: dict[str, Any]) -> "Report":
    """The Report that a `report` message carries."""
    from .reporting import Report

    return Report(
        processed=message["processed"],
        total=message["total"],
        stage=message["stage"],
        message=message["message"],
        current_item=message["current_item"],
        entries=[(kind, data, _moment(at)) for kind, data, at in message["entries"]],
        items={key: (*said, _moment(at)) for key, (*said, at) in message["items"].items()},
    )


def _execute(channel: Connection, order: dict[str, Any]) -> dict[str, Any]:
    from django.db import InterfaceError, OperationalError, connections
    from django.utils import translation

    from live import tracing

    from . import correlation, logs
    from .backend import TaskContext
    from .models import TaskRun
    from .options import task_at
    from .states import Status
    from .text import storable

    while True:
        try:
            run = TaskRun.objects.get(pk=order["run"])
            break
        except (InterfaceError, OperationalError):  # away: no reason to fail, nothing has begun; whoever stops us kills
            time.sleep(0.5)
    if run.attempt != order["attempt"] or run.status != Status.RUNNING:
        raise LookupError("The run has moved on since this process was started.")
    correlation.executing(run, whole_process=True)
    task = task_at(run.task)
    reporter = _child_progress(channel)
    logs.hear(task.func.__module__, reporter, whole_process=True)
    threading.Thread(target=_listen, args=[channel, reporter], name="orders", daemon=True).start()
    translation.activate(order["language"])
    try:
        with tracing.span(f"call {run.task}", parent=order["trace"]):
            arguments = [TaskContext.of(run, task, reporter), *run.args] if task.takes_context else list(run.args)
            value = task.func(*arguments, **run.kwargs)
    finally:
        tracing.flush()
        reporter.close()
        connections.close_all()
    try:
        return {"value": storable(value)}
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"The function returned what JSON cannot say: {error}") from None


def _child_progress(channel: Connection) -> Any:
    from .reporting import Reporter

    class ChildProgress(Reporter):
        """Sends what the function says to the worker, ten times a second at most."""

        _says_when_full = False

        def __init__(self) -> None:
            super().__init__()
            self._wake = threading.Event()
            self._ended = threading.Event()
            self._sender = threading.Thread(target=self._keep_sending, name="reports", daemon=True)
            self._sender.start()

        def close(self) -> None:
            """Send the rest."""
            self._closed = True
            self._ended.set()
            self._wake.set()
            self._sender.join()
            self._send()

        def _wake_writer(self) -> None:
            self._wake.set()

        def _keep_sending(self) -> None:
            while not self._ended.is_set():
                self._wake.wait()
                self._wake.clear()
                self._send()
                self._ended.wait(SEND_INTERVAL)

        def _send(self) -> None:
            with self._lock:
                dropped, self._dropped = self._dropped, 0
            message = {"report": {**asdict(self.take()), "dropped": dropped}}
            with suppress(OSError):  # the worker is gone, and we are about to be
                channel.send_bytes(_encoded(message))

    return ChildProgress()


def _set_up(databases: dict[str, str]) -> None:
    """Django, with the worker's databases, and with connections of our own."""
    import django
    from django.apps import apps
    from django.db import connections

    from live import tracing

    if not apps.ready:
        django.setup()
    tracing.set_up_child()
    for alias, name in databases.items():
        settings = connections.settings[alias]
        settings["NAME"] = name
        settings.get("OPTIONS", {}).pop("pool", None)  # one thread needs no pool
        with suppress(AttributeError):
            del connections[alias]


def _end_with(lifeline: Connection) -> None:
    """Let the kernel send us, and our whole group, SIGIO as soon as the worker's end of `lifeline` is gone."""
    descriptor = lifeline.fileno()
    signal.signal(signal.SIGIO, signal.SIG_DFL)  # ends a process that does not handle it
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, -os.getpid())
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_ASYNC)
    if select([descriptor], [], [], 0)[0]:
        os._exit(1)  # it went before we were ready to hear of it


def _listen(channel: Connection, reporter: Any) -> None:
    """Take orders until the worker is gone."""
    with suppress(EOFError, OSError):
        while True:
            reporter.stop(json.loads(channel.recv_bytes())["stop"])
    os.killpg(0, signal.SIGKILL)


def _encoded(message: Any) -> bytes:
    return json.dumps(message, default=_plain).encode()


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)

"""Daphne and the worker in one process, on one asyncio loop: what `serve` and `demo` run."""

import asyncio
import faulthandler
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

# Daphne first: importing it installs Twisted's reactor on an asyncio loop.
from daphne.server import Server, twisted_loop  # isort: skip
from daphne.server import reactor as daphne_reactor  # isort: skip
from channels.routing import get_default_application
from daphne.endpoints import build_endpoint_description_strings
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler

from live.hub import Hub
from live.publishing import drain, use_loop

from .worker import Worker

logger = logging.getLogger(__name__)
reactor: Any = daphne_reactor  # Twisted installs an object where its types see a module

WORKER_LEAVES = 10.0  # seconds beyond the grace period for runs to be put back in line
SOCKETS_LEAVE = 3.0  # seconds for sockets and requests to end
GONE_WITHIN = 8.0  # seconds beyond all that; Python itself waits for threads, and one may wait for the database


class LiveServer:
    """One address served until SIGTERM or Ctrl-C, with a worker beside it unless told otherwise."""

    def __init__(
        self, host: str, port: int, *, with_worker: bool = True, on_ready: Callable[[], None] | None = None
    ) -> None:
        self.failed = False
        self._address = f"{host}:{port}"
        self._with_worker = with_worker
        self._on_ready = on_ready
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._worker: Worker | None = None
        self._daphne = Server(
            application=_application(),
            endpoints=build_endpoint_description_strings(host=host, port=port),
            signal_handlers=False,
            server_name="statusproj",
            # Sockets end by our own rule, with a code that asks the browser back; Daphne's says 1000, "never again".
            websocket_timeout=-1,
            # On a machine under load a handshake may wait for its turn; five seconds cut it off in the middle.
            websocket_handshake_timeout=30,
        )

    def run(self) -> None:
        """Serve until a signal comes, then leave in order: runs first, sockets after them."""
        use_loop(twisted_loop)
        reactor.callWhenRunning(self._started)
        self._daphne.run()
        # Daphne logs that a port is taken, stops, and calls that a day.
        self.failed = not self._daphne.listening_addresses
        if self.failed:
            logger.critical("Cannot listen on %s: is the port taken? Choose another with --port.", self._address)

    def stop(self) -> None:
        """Begin to leave; a second call leaves at once."""
        if self._stopping:
            logger.warning("Told to stop twice: leaving without waiting for runs")
            self._daphne.stop()
            return
        self._stopping = True
        last_call = threading.Timer(self._patience + 2 * SOCKETS_LEAVE + GONE_WITHIN, _leave_at_once)
        last_call.daemon = True
        last_call.start()
        self._start_task(self._leave())

    @property
    def _patience(self) -> float:
        """Seconds that the worker may take to leave."""
        return 0.0 if self._worker is None else self._worker.grace.total_seconds() + WORKER_LEAVES

    def _started(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            twisted_loop.add_signal_handler(number, self.stop)
        self._start_task(self._begin())

    async def _begin(self) -> None:
        while not self._daphne.listening_addresses:  # noqa: ASYNC110 - Daphne offers nothing to wait for
            await asyncio.sleep(0.01)
        if self._with_worker:
            self._worker = Worker()
            self._start_task(self._worker.run())
        if self._on_ready is not None:
            self._on_ready()

    async def _leave(self) -> None:
        # The worker first: with its loop gone it could not put its runs back in line.
        if self._worker is not None:
            self._worker.stop()
            others = [task for task in self._tasks if task is not asyncio.current_task()]
            if others and (await asyncio.wait(others, timeout=self._patience))[1]:
                logger.error("The worker does not end; leaving without it. Its runs will be rescued.")
        # Everything that was published first, then 1012 for every socket: browsers come back, to our successor.
        await drain()
        with suppress(TimeoutError):
            await asyncio.wait_for(Hub.here().close_all(), SOCKETS_LEAVE)
        self._daphne.stop()
        # Daphne waits for its applications without limit.
        twisted_loop.call_later(SOCKETS_LEAVE, reactor.crash)

    def _start_task(self, work: Coroutine[None, None, None]) -> None:
        # asyncio keeps only weak references: without our own, a task may vanish while it runs.
        task = twisted_loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _application() -> Any:
    """The project's own. While it is being worked on it has its static files along, as with Django's runserver."""
    application = get_default_application()
    return ASGIStaticFilesHandler(application) if settings.DEBUG else application


def _leave_at_once() -> None:
    """The end of a process that was told to leave and hangs, with a word on where."""
    logger.error("Still here long after the signal to stop: leaving without what hangs.")
    faulthandler.dump_traceback()
    os._exit(0)

"""One run executed: claim it, call its function, record how it ended."""

import asyncio
import contextvars
import inspect
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, StrEnum, auto
from functools import partial
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, close_old_connections, connections
from django.utils import translation

from notifications.languages import language_of

from . import correlation, lifecycle, logs, signals, tracing
from .backend import TaskContext
from .child import describe
from .db import in_language, in_thread
from .exceptions import RunStopped, TaskManagerError, TransitionRefused
from .isolation import ChildError, Isolated
from .models import TaskRun
from .options import options_of, task_at
from .progress import Progress
from .retry import delay_before
from .sentences import FUNCTION_STOPPED, RESULT_TOO_LARGE, TIMED_OUT
from .states import Status
from .text import MAX_RESULT_BYTES, fit, mask_secrets, storable

logger = logging.getLogger(__name__)

STOP_GRACE = 5.0  # seconds a function has for its cleanup after it was stopped by timeout, shutdown or loss
THREAD_GRACE = 1.0  # the same for a function in a thread at shutdown: it may never report again
ISOLATED_GRACE = 0.5  # the same for an isolated one, whatever the reason; then its process is killed
KILL_GRACE = 0.3  # until the killed process is gone


class Stop(StrEnum):
    """Why a function is stopped before it ends by itself."""

    CANCEL = "cancelled"
    TIMEOUT = "timed out"
    SHUTDOWN = "worker is stopping"
    LOST = "the run belongs to another worker now"


class Kind(Enum):
    """Where a function runs, which decides how it can be stopped."""

    COROUTINE = auto()
    THREAD = auto()
    ISOLATED = auto()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a call ended: by `stopped`, else by `error`, else with `value`."""

    value: Any = None
    error: BaseException | None = None
    stopped: Stop | None = None


class Execution:
    """One attempt of one run in this process."""

    def __init__(self, run_id: UUID, attempt: int, *, worker: str, ticket: int | None = None) -> None:
        self._run_id = run_id
        self._attempt = attempt
        self._worker = worker
        self._ticket = ticket
        self._why: Stop | None = None
        self._told = asyncio.Event()

    def stop(self, why: Stop) -> None:
        """Stop the function as soon as it can be stopped. A later, weightier reason replaces an earlier one."""
        if self._why is None or why in {Stop.SHUTDOWN, Stop.LOST}:
            self._why = why
        self._told.set()

    async def run(self) -> None:
        """Claim, call, record. Returns quietly when the run is not ours to take."""
        claim = _Claim(self._run_id, self._attempt, self._worker, self._ticket)
        run = await until_done(claim)
        if run is None:
            return
        # Of this task alone, and of the threads and tasks it starts: what is written down is for the owner to read.
        with translation.override(claim.language), tracing.executing(run) as span:
            outcome = await self._execute(run)
            if outcome.error is not None or outcome.stopped is not None:
                span.failed(str(outcome.stopped or type(outcome.error).__qualname__))

    async def _execute(self, run: TaskRun) -> Outcome:
        correlation.executing(run)
        progress = Progress(run, asyncio.get_running_loop())
        writer = asyncio.create_task(progress.keep_writing(), name=f"progress of {run.pk}")
        writer.add_done_callback(lambda _: self.stop(Stop.LOST) if progress.lost else None)
        outcome = await self._call(run, progress)
        await progress.close(writer)
        if progress.lost:
            outcome = Outcome(stopped=Stop.LOST)
        # Outside the function's own try: trouble while recording must not rewrite the verdict.
        await until_done(partial(_record, run, outcome))
        return outcome

    async def _call(self, run: TaskRun, progress: Progress) -> Outcome:
        try:
            call = await in_thread(_prepare, run, progress)
        except Exception as error:
            return Outcome(error=error)
        if call is None:
            child = Isolated(run, progress)
            return await self._watch(run, progress, child.start(), Kind.ISOLATED, child)
        in_loop = inspect.iscoroutinefunction(call.func)
        context = contextvars.copy_context()
        context.run(logs.hear, call.func.__module__, progress)
        if not in_loop:
            return await self._watch(run, progress, _start_thread(call, context), Kind.THREAD)
        try:
            return await self._watch(run, progress, asyncio.create_task(call(), context=context), Kind.COROUTINE)
        finally:
            await sync_to_async(close_old_connections)()

    async def _watch(
        self,
        run: TaskRun,
        progress: Progress,
        body: "asyncio.Future[Any]",
        kind: "Kind",
        child: Isolated | None = None,
    ) -> Outcome:
        deadline = None if run.timeout is None else asyncio.get_running_loop().time() + run.timeout.total_seconds()
        await self._body_or_order(body, deadline)
        if body.done() and self._why is None:
            return _outcome_of(body)
        if self._why is None:
            self.stop(Stop.TIMEOUT)
        progress.stop(str(self._why))
        if not body.done():
            if kind is Kind.COROUTINE:
                body.cancel()
            if child is not None:
                await self._end_child(child, body)
            else:
                await self._let_it_end(body, deadline, in_loop=kind is Kind.COROUTINE)
        if not body.done():
            body.add_done_callback(_swallow)
            logger.warning("Run %s does not stop (%s); it is left behind", run.pk, self._why)
            return Outcome(stopped=self._why)
        ended = _outcome_of(body)
        if self._why in {Stop.CANCEL, Stop.SHUTDOWN} and ended.error is None:
            return ended  # it finished at the same moment: its result is the truth, and its work is not done again
        return Outcome(stopped=self._why)

    async def _end_child(self, child: Isolated, body: "asyncio.Future[Any]") -> None:
        """Ask the function to stop at its next call, then kill its process: within a second either way."""
        child.ask_to_stop(str(self._why))
        await asyncio.wait({body}, timeout=ISOLATED_GRACE)
        if not body.done():
            child.kill()
            await asyncio.wait({body}, timeout=KILL_GRACE)

    async def _body_or_order(self, body: "asyncio.Future[Any]", deadline: float | None) -> None:
        order = asyncio.create_task(self._told.wait())
        try:
            await asyncio.wait({body, order}, timeout=_until(deadline), return_when=asyncio.FIRST_COMPLETED)
        finally:
            order.cancel()

    async def _let_it_end(self, body: "asyncio.Future[Any]", deadline: float | None, *, in_loop: bool) -> None:
        """Wait for a function that was told to stop: without limit for a cancelled thread, briefly otherwise."""
        while self._why is Stop.CANCEL and not body.done() and not in_loop:
            self._told.clear()
            await self._body_or_order(body, deadline)
            if deadline is not None and asyncio.get_running_loop().time() >= deadline:
                break
        grace = THREAD_GRACE if self._why is Stop.SHUTDOWN and not in_loop else STOP_GRACE
        if not body.done():
            await asyncio.wait({body}, timeout=grace)


async def until_done[R](write: Callable[[], R]) -> R:
    """Call `write` on a database thread, again and again while the database is away."""
    delay = 0.2
    while True:
        try:
            return await in_thread(write)
        except (OperationalError, InterfaceError) as error:
            logger.warning("The database is away (%r); trying again in %.1f s", error, delay)
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5)


class _Claim:
    """Claims a run, again if need be: when the answer to a claim was lost, the run may be ours already."""

    def __init__(self, run_id: UUID, attempt: int, worker: str, ticket: int | None) -> None:
        self._claim = partial(lifecycle.claim, run_id, attempt, worker=worker, ticket=ticket)
        self._ours = {"pk": run_id, "attempt": attempt, "worker": worker, "ticket": ticket, "status": Status.RUNNING}
        self._asked = False
        self.language = ""
        """Of the run's owner, once it is claimed."""

    def __call__(self) -> TaskRun | None:
        """The run; None when it is not ours to take."""
        asked, self._asked = self._asked, True
        run = self._claim()
        if run is None and asked:
            run = TaskRun.objects.filter(**self._ours).first()
        if run is not None:
            self.language = language_of(run.owner_id)
        return run


def _prepare(run: TaskRun, progress: Progress) -> partial[Any] | None:
    """The call to make; None when a child process is to make it. Says that the attempt starts. Raises ImportError."""
    task = task_at(run.task)
    progress.prepare()
    signals.started(run)
    if options_of(run.task).isolate:
        return None
    arguments = [TaskContext.of(run, task, progress), *run.args] if task.takes_context else list(run.args)
    return partial(task.func, *arguments, **run.kwargs)


def _start_thread(call: Callable[[], Any], context: contextvars.Context) -> "asyncio.Future[Any]":
    """Call a sync function on a thread of its own: not from a pool, which a function that never ends would shrink."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    language = translation.get_language()

    def deliver(value: Any, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(RuntimeError("StopIteration") if isinstance(error, StopIteration) else error)

    def target() -> None:
        value, caught = None, None
        try:
            value = context.run(in_language, language, call)
        except BaseException as error:
            caught = error
        finally:
            connections.close_all()
        with suppress(RuntimeError):  # the loop is gone: nobody waits for us any more
            loop.call_soon_threadsafe(deliver, value, caught)

    # Daemon: a function that never ends must not keep the process from ending.
    threading.Thread(target=target, name="task function", daemon=True).start()
    return future


def _outcome_of(body: "asyncio.Future[Any]") -> Outcome:
    if body.cancelled():
        return Outcome(error=asyncio.CancelledError("The function was cancelled from inside."))
    error = body.exception()
    return Outcome(error=error) if error is not None else Outcome(value=body.result())


def _swallow(body: "asyncio.Future[Any]") -> None:
    if not body.cancelled():
        body.exception()


def _until(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - asyncio.get_running_loop().time())


def _record(run: TaskRun, outcome: Outcome) -> None:
    try:
        match outcome.stopped:
            case Stop.LOST:
                logger.warning("Run %s belongs to another worker now; nothing recorded", run.pk)
            case Stop.CANCEL:
                lifecycle.confirm_cancelled(run)
            case Stop.SHUTDOWN:
                lifecycle.release(run)
            case Stop.TIMEOUT:
                lifecycle.fail(
                    run, TIMED_OUT % {"duration": _human(run.timeout)}, exception_class="builtins.TimeoutError"
                )
            case None if outcome.error is not None:
                _record_error(run, outcome.error)
            case None:
                _record_value(run, outcome.value)
    except TransitionRefused:
        logger.info("Run %s had moved on before its end could be recorded", run.pk)


def _record_error(run: TaskRun, error: BaseException) -> None:
    said = error.said if isinstance(error, ChildError) else describe(error)
    name = fit(said["class"], 255)
    words = fit(mask_secrets(_words(error, said)), 2000)
    trace = fit(mask_secrets(said["traceback"]), 100_000)
    logger.warning("Run %s of %s failed: %s", run.pk, run.task, words)
    delay = delay_before(run.failed_attempts + 2, max_attempts=run.max_attempts, first=options_of(run.task).backoff)
    if delay is None or said["final"]:
        lifecycle.fail(run, words, exception_class=name, traceback=trace)
    else:
        lifecycle.try_again(run, words, exception_class=name, traceback=trace, delay=delay)


def _words(error: BaseException, said: dict[str, Any]) -> str:
    """What the owner is told."""
    kind = said["class"].rpartition(".")[2]
    if isinstance(error, RunStopped) or kind == RunStopped.__name__:
        return FUNCTION_STOPPED  # it kept on after being stopped, and met its own end
    if isinstance(error, TaskManagerError) or (said["final"] and said["message"]):
        return str(said["message"])  # written for people
    return f"{kind}: {said['message']}" if said["message"] else kind


def _record_value(run: TaskRun, value: Any) -> None:
    try:
        result = storable(value)
    except (TypeError, ValueError, RecursionError) as error:
        _record_error(run, TypeError(f"The function returned what JSON cannot say: {error}"))
        return
    size = len(str(result))
    if size > MAX_RESULT_BYTES:
        sizes = {"size": f"{size / 1_048_576:.1f}", "most": f"{MAX_RESULT_BYTES / 1_048_576:.0f}"}
        note = RESULT_TOO_LARGE % sizes
        lifecycle.complete(run, None, message=note)
    else:
        lifecycle.complete(run, result)


def _human(duration: timedelta | None) -> str:
    seconds = duration.total_seconds() if duration else 0
    return f"{seconds:g} s" if seconds < 120 else f"{seconds / 60:g} min"

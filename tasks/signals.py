"""Django's task signals, and a few of our own that say more; sent so that a receiver that fails harms nothing.

Ours come with a `run` instead of a TaskResult, so they tell a cancelled run from a failed one, and speak of runs whose
function is gone as well. What counts and logs connects to them; see statusproj/metrics.
"""

import logging
from contextvars import ContextVar

from django.dispatch import Signal
from django.tasks.signals import task_enqueued, task_finished, task_started

from .models import TaskRun
from .results import result_of
from .states import Status

logger = logging.getLogger(__name__)
django_logger = logging.getLogger("django.tasks")

_is_cancelled = ContextVar("is_cancelled", default=False)

run_enqueued = Signal()  # with `run`, committed
attempt_started = Signal()  # with `run`
run_finished = Signal()  # with `run`: for good, committed
ticket_taken = Signal()  # with `queue`, and `seconds` that the run could have started before
worker_started = Signal()  # a process that is a worker and nothing else has begun


def enqueued(run: TaskRun) -> None:
    """`run` was stored and queued."""
    run_enqueued.send_robust(sender=TaskRun, run=run)
    _send(task_enqueued, run)


def started(run: TaskRun) -> None:
    """A worker begins with an attempt of `run`."""
    attempt_started.send_robust(sender=TaskRun, run=run)
    _send(task_started, run)


def finished(run: TaskRun) -> None:
    """`run` has ended for good."""
    run_finished.send_robust(sender=TaskRun, run=run)
    token = _is_cancelled.set(run.status == Status.CANCELLED)
    try:
        _send(task_finished, run)
    finally:
        _is_cancelled.reset(token)


def left_the_line(run: TaskRun) -> None:
    """`run` was cancelled before it started. Only ours: Django's would log an error for each of ten thousand."""
    run_finished.send_robust(sender=TaskRun, run=run)


def _send(signal: Signal, run: TaskRun) -> None:
    try:
        result = result_of(run)
    except ImportError:
        return  # the function is gone: there is no Task to speak of
    # send_robust logs a receiver's exception itself.
    signal.send_robust(sender=type(result.task.get_backend()), task_result=result)


def _as_information(record: logging.LogRecord) -> bool:
    """Django's tasks are successful or failed, so it logs each cancelled run as an error, and somebody is called out of
    bed because somebody else pressed Cancel.
    """
    if _is_cancelled.get() and record.levelno == logging.ERROR:
        record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
        return django_logger.isEnabledFor(logging.INFO)
    return True


django_logger.addFilter(_as_information)

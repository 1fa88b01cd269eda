"""Django's task signals, sent so that a receiver that fails harms nothing."""

import logging

from django.dispatch import Signal
from django.tasks.signals import task_enqueued, task_finished, task_started

from .models import TaskRun
from .results import result_of

logger = logging.getLogger(__name__)


def enqueued(run: TaskRun) -> None:
    """`run` was stored and queued."""
    _send(task_enqueued, run)


def started(run: TaskRun) -> None:
    """A worker begins with an attempt of `run`."""
    _send(task_started, run)


def finished(run: TaskRun) -> None:
    """`run` has ended for good."""
    _send(task_finished, run)


def _send(signal: Signal, run: TaskRun) -> None:
    try:
        result = result_of(run)
    except ImportError:
        return  # the function is gone: there is no Task to speak of
    # send_robust logs a receiver's exception itself.
    signal.send_robust(sender=type(result.task.get_backend()), task_result=result)

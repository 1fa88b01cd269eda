"""A run as Django's Tasks API sees it."""

from typing import Any

from django.tasks import TaskResult
from django.tasks.base import TaskError

from .models import TaskEvent, TaskRun
from .options import task_at
from .states import AS_TASK_RESULT, Status


def result_of(run: TaskRun, task: Any = None) -> "TaskResult[Any, Any]":
    """The TaskResult of `run`. `task` saves looking it up; raises ImportError when its function is gone."""
    result: TaskResult[Any, Any] = TaskResult(
        task=task or task_at(run.task),
        id=str(run.pk),
        status=AS_TASK_RESULT[Status(run.status)],
        enqueued_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.completed_at,
        last_attempted_at=run.started_at,
        args=run.args,
        kwargs=run.kwargs,
        backend="default" if task is None else task.backend,
        errors=_errors_of(run),
        worker_ids=list(run.worker_ids),
    )
    if run.status == Status.COMPLETED:
        object.__setattr__(result, "_return_value", run.result)
    return result


def _errors_of(run: TaskRun) -> list[TaskError]:
    """One TaskError for each attempt that raised, oldest first."""
    if not run.failed_attempts:
        return []
    failures = run.events.filter(kind=TaskEvent.Kind.STATE, data__has_key="exception_class").exclude(
        data__exception_class=""
    )
    return [
        TaskError(exception_class_path=failure.data["exception_class"], traceback=failure.data.get("traceback", ""))
        for failure in failures
    ]

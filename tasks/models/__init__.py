"""Runs and what happened to them. Nothing here changes a status: that is lifecycle.py's alone."""

from .history import RunHour
from .names import name_columns
from .operation import QueueState, RunCount, RunCountQuerySet, WorkerState
from .runs import TaskEvent, TaskItem, TaskRun, TaskRunQuerySet
from .schedules import Schedule

__all__ = [
    "QueueState",
    "RunCount",
    "RunCountQuerySet",
    "RunHour",
    "Schedule",
    "TaskEvent",
    "TaskItem",
    "TaskRun",
    "TaskRunQuerySet",
    "WorkerState",
]

name_columns()

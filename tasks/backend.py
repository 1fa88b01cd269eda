"""The Django Tasks backend: `TASKS = {"default": {"BACKEND": "tasks.backend.ProcrastinateBackend"}}`.

A standard `@task` function becomes a run with a row, progress, cancel and a notification. What goes beyond Django's own
options is said in the decorator or with `.using()`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.tasks import Task as DjangoTask
from django.tasks import TaskContext as DjangoTaskContext
from django.tasks import TaskResult
from django.tasks.backends.base import BaseTaskBackend
from django.tasks.exceptions import InvalidTask, TaskResultDoesNotExist
from django.utils.functional import Promise

from . import lifecycle
from .checkpoint import Checkpoint
from .item_style import PLAIN, ItemStyle
from .ledger import Items
from .models import TaskRun
from .results import result_of
from .text import storable

if TYPE_CHECKING:
    from .reporting import Reporter


LONGEST_QUEUE_NAME = 40  # bytes: with the engine's prefix it names a channel of Postgres, which has 63 at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(DjangoTask):
    """Django's Task with what our runs can do besides."""

    timeout: timedelta | None = None  # An attempt that takes longer fails.
    max_attempts: int = 1  # Attempts in all; 1 means that a lost worker fails the run.
    backoff: timedelta = timedelta(seconds=5)  # Wait before the second attempt; doubles with each further one.
    title: str | Promise = ""  # What people read; the function's name when empty.
    isolate: bool = False  # In a process of its own, which cancel and timeout can kill. For sync functions.
    keep: timedelta | None = None  # How long its runs are kept after their end; None means TASKS_KEEP_HOURS.
    notification: str = ""  # Dotted path: TaskRun -> notify.Draft | None.
    item_style: ItemStyle = PLAIN  # How the items of its runs are shown.
    owner_id: int | None = None
    topic: str = ""
    concurrency_limit: int | None = None  # At most so many runs with the same key run at once, on all workers together.
    concurrency_key: str = ""  # Runs that share a limit; the function's path when empty.
    unique: str = ""  # While a run with this key is live, enqueueing raises AlreadyRunning.
    metadata: dict[str, Any] = field(default_factory=dict, hash=False)
    retry_of: UUID | None = None

    def using(
        self,
        *,
        priority: int | None = None,
        queue_name: str | None = None,
        run_after: datetime | None = None,
        backend: str | None = None,
        owner: AbstractBaseUser | None = None,
        topic: str | None = None,
        unique: str | None = None,
        concurrency_key: str | None = None,
        concurrency_limit: int | None = None,
        title: str | Promise | None = None,
        metadata: dict[str, Any] | None = None,
        timeout: timedelta | None = None,
        max_attempts: int | None = None,
    ) -> Self:
        """The same task with other defaults; what is None stays as it is."""
        changes: dict[str, Any] = {
            "priority": priority,
            "queue_name": queue_name,
            "run_after": run_after,
            "backend": backend,
            "owner_id": owner.pk if owner is not None else None,
            "topic": topic,
            "unique": unique,
            "concurrency_key": concurrency_key,
            "concurrency_limit": concurrency_limit,
            "title": title,
            "metadata": metadata,
            "timeout": timeout,
            "max_attempts": max_attempts,
        }
        return replace(self, **{name: value for name, value in changes.items() if value is not None})


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskContext(DjangoTaskContext):  # type: ignore[misc]  # the stubs call it unfrozen
    """What a function with `takes_context=True` is handed: who it runs for, and a way to report."""

    run: TaskRun
    progress: "Reporter"
    checkpoint: Checkpoint  # What survives this attempt.
    items: Items  # The ledger of items.

    @classmethod
    def of(cls, run: TaskRun, task: Any, reporter: "Reporter") -> Self:
        """The context of the current attempt of `run`, a run of `task`."""
        return cls(
            task_result=result_of(run, task),
            run=run,
            progress=reporter,
            checkpoint=Checkpoint(run, reporter),
            items=Items(run, reporter),
        )

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return len(self.run.worker_ids)

    @property
    def run_id(self) -> UUID:
        """The run's id: task_id in the API, job_id in frames."""
        return self.run.pk

    @property
    def owner_id(self) -> int | None:
        """The primary key of the user who owns the run."""
        return self.run.owner_id

    @property
    def topic(self) -> str:
        """The topic the run was enqueued under."""
        return self.run.topic

    def log(self, message: str, *, level: str = "info") -> None:
        """Add a line to the run's log. `level`: debug, info, warning or error."""
        self.progress.log(message, level=level)


class ProcrastinateBackend(BaseTaskBackend):
    """Runs in our tables, order and wake-up by Procrastinate, all on the project's one Postgres."""

    task_class = Task
    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def validate_task(self, task: DjangoTask) -> None:
        """Refuse what could not run, when it is defined rather than when it is started."""
        super().validate_task(task)
        if isinstance(task, Task):
            if task.max_attempts < 1:
                raise InvalidTask("max_attempts must be 1 or more.")
            if task.timeout is not None and task.timeout <= timedelta():
                raise InvalidTask("timeout must be longer than zero.")
            if task.keep is not None and task.keep < timedelta():
                raise InvalidTask("keep must be zero or longer.")
            if task.isolate and iscoroutinefunction(task.func):
                raise InvalidTask(
                    "isolate=True is for sync functions: a coroutine can be stopped where it is. Leave isolate out, or "
                    "write the function with def, and asyncio.run() in it if need be."
                )
            if len(task.queue_name.encode()) > LONGEST_QUEUE_NAME:
                raise InvalidTask(
                    f"queue_name may have {LONGEST_QUEUE_NAME} bytes at most: Postgres is told of it by name."
                )
            if task.concurrency_limit is not None and task.concurrency_limit < 1:
                raise InvalidTask("concurrency_limit must be 1 or more. To stop a queue, pause it.")
            if task.concurrency_key and task.concurrency_limit is None:
                raise InvalidTask("concurrency_key needs a concurrency_limit: how many of its runs may run at once?")
            if max(len(task.topic), len(task.unique), len(task.concurrency_key)) > 200:
                raise InvalidTask("topic, unique and concurrency_key may each have 200 characters at most.")

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> "TaskResult[Any, Any]":
        """Store and queue a run, in the caller's transaction.

        Raises InvalidTask for a task that cannot run here, TypeError for arguments that JSON cannot say, and
        exceptions.AlreadyRunning when its unique key is taken.
        """
        self.validate_task(task)
        run = lifecycle.create(_new_run(task, args, kwargs))
        return result_of(run, task)

    def enqueue_many(self, task: Task, arguments: Sequence[Mapping[str, Any]]) -> list[TaskRun]:
        """Store and queue a run for each of `arguments` (keyword arguments), in the caller's transaction: all or none.

        Raises InvalidTask, also for a task with a unique key, and TypeError as `enqueue` does.
        """
        self.validate_task(task)
        if task.unique:
            raise InvalidTask("Of a unique task one run at a time may be live: enqueue it by itself.")
        return lifecycle.create_many(_new_run(task, [], {}), arguments)

    def get_result(self, result_id: str) -> "TaskResult[Any, Any]":
        """The run with this id. Raises TaskResultDoesNotExist."""
        try:
            run = TaskRun.objects.get(pk=UUID(str(result_id)))
            return result_of(run)
        except (TaskRun.DoesNotExist, ValueError, ValidationError, ImportError):
            raise TaskResultDoesNotExist(result_id) from None


def _concurrency_key_of(task: Task) -> str:
    """The key that a run of `task` counts for; none without a limit. A long path is told apart by its end."""
    return "" if task.concurrency_limit is None else task.concurrency_key or task.module_path[-200:]


def _new_run(task: Task, args: Sequence[Any], kwargs: Mapping[str, Any]) -> lifecycle.NewRun:
    return lifecycle.NewRun(
        task=task.module_path,
        name=str(task.title) or task.name.replace("_", " ").capitalize(),
        args=storable(list(args)),
        kwargs=storable(dict(kwargs)),
        owner_id=task.owner_id,
        topic=task.topic,
        queue=task.queue_name,
        priority=task.priority,
        run_after=task.run_after,
        timeout=task.timeout,
        max_attempts=task.max_attempts,
        unique_key=task.unique,
        concurrency_key=_concurrency_key_of(task),
        concurrency_limit=task.concurrency_limit,
        metadata=task.metadata,
        retry_of=task.retry_of,
    )

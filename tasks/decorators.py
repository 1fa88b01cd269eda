"""`from tasks.decorators import task`: Django's own `task`, with our options known to type checkers.

At runtime it is `django.tasks.task`, which works just as well: only mypy cannot know there what our backend adds.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Concatenate, Literal, TypedDict, Unpack, overload

from django.tasks import task as django_task
from django.utils.functional import Promise

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.tasks import Task as DjangoTask

    from .backend import TaskContext
    from .item_style import ItemStyle

    class RunTask[**P, R](DjangoTask[P, R]):
        """What `@task` makes of a function whose arguments are `P`; at runtime a `backend.Task`."""

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
        ) -> "RunTask[P, R]":
            """The same task with other defaults; what is None stays as it is."""


class TaskOptions(TypedDict, total=False):
    """What `@task` takes besides `takes_context`. See docs/tasks.md."""

    priority: int
    queue_name: str
    backend: str
    timeout: timedelta | None
    max_attempts: int
    backoff: timedelta
    title: str | Promise
    topic: str
    unique: str
    concurrency_key: str
    concurrency_limit: int | None
    isolate: bool
    keep: timedelta | None
    notification: str
    item_style: "ItemStyle"
    metadata: dict[str, Any]


@overload
def task[**P, R](function: Callable[P, R], /) -> "RunTask[P, R]": ...
@overload
def task[**P, R](
    *, takes_context: Literal[True], **options: Unpack[TaskOptions]
) -> "Callable[[Callable[Concatenate[TaskContext, P], R]], RunTask[P, R]]": ...
@overload
def task[**P, R](
    *, takes_context: Literal[False] = False, **options: Unpack[TaskOptions]
) -> "Callable[[Callable[P, R]], RunTask[P, R]]": ...
def task(function: Any = None, /, **options: Any) -> Any:
    """Make a function a task; with options or without."""
    return django_task(**options) if function is None else django_task(function, **options)

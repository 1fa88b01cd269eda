"""Which task functions a schedule may start, and starting them: setting TASKS_SCHEDULABLE.

It maps the dotted path of a task to that of a starter, a function `(owner, kwargs) -> TaskResult` for tasks that need
more than plain enqueueing (a unique key, say), or to "" for those that do not. A starter raises LookupError when its
arguments name something that is not there.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from .conf import conf
from .exceptions import BadSchedule
from .models import TaskRun
from .options import task_at
from .text import storable

type Starter = Callable[[AbstractBaseUser | None, dict[str, Any]], Any]


def choices() -> list[tuple[str, str]]:
    """The tasks that may be scheduled: path and title. Those whose function is gone are left out."""
    found = []
    for path in conf.TASKS_SCHEDULABLE:
        try:
            task = task_at(path)
        except ImportError:
            continue
        found.append((path, str(getattr(task, "title", "")) or task.name.replace("_", " ").capitalize()))
    return found


def is_known(path: str) -> bool:
    """May this code start the task at `path`? Other code may know more, or less."""
    try:
        return path in conf.TASKS_SCHEDULABLE and task_at(path) is not None
    except ImportError:
        return False


def check(path: str, kwargs: Any) -> dict[str, Any]:
    """`kwargs` as they will be stored. Raises BadSchedule when the task at `path` may not, or cannot, be called so."""
    if path not in conf.TASKS_SCHEDULABLE:
        raise BadSchedule("task", _("%(path)s is not among the tasks that may be scheduled.") % {"path": path})
    try:
        task = task_at(path)
    except ImportError:
        raise BadSchedule("task", _("The function %(path)s is gone.") % {"path": path}) from None
    if not isinstance(kwargs, Mapping):
        raise BadSchedule("kwargs", _('Arguments are a JSON object, such as {"limit": 10}.'))
    signature = inspect.signature(task.func)
    if task.takes_context:
        signature = signature.replace(parameters=list(signature.parameters.values())[1:])
    try:
        signature.bind(**kwargs)
    except TypeError as error:
        raise BadSchedule("kwargs", _("The function cannot be called so: %(error)s.") % {"error": error}) from None
    try:
        stored: dict[str, Any] = storable(dict(kwargs))
    except (TypeError, ValueError) as error:
        raise BadSchedule("kwargs", _("JSON cannot say this: %(error)s.") % {"error": error}) from None
    return stored


def start(
    path: str, *, owner: AbstractBaseUser | None, kwargs: Any, title: str, topic: str, metadata: Mapping[str, Any]
) -> TaskRun:
    """Enqueue the task at `path`, in the caller's transaction. Raises BadSchedule, and AlreadyRunning."""
    arguments = check(path, kwargs)
    starter = conf.TASKS_SCHEDULABLE[path]
    if not starter:
        task = task_at(path).using(owner=owner, title=title, topic=topic or None, metadata=dict(metadata))
        return TaskRun.objects.get(pk=UUID(task.enqueue(**arguments).id))
    begin: Starter = import_string(starter)
    try:
        run = TaskRun.objects.get(pk=UUID(begin(owner, arguments).id))
    except LookupError as error:
        raise BadSchedule("kwargs", str(error)) from None
    run.metadata = {**run.metadata, **metadata}
    run.save(update_fields=["metadata"])
    return run

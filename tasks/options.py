"""What a task function says about its runs, found again by the path that a run's row keeps."""

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

from django.utils.module_loading import import_string

from .item_style import PLAIN, ItemStyle


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `@task` that outlive enqueueing."""

    notification: str = ""
    backoff: timedelta = timedelta(seconds=5)
    isolate: bool = False
    keep: timedelta | None = None
    item_style: ItemStyle = PLAIN


def task_at(path: str) -> Any:
    """The Task object at dotted `path`. Raises ImportError when there is none (any more)."""
    found = import_string(path)
    if not callable(getattr(found, "enqueue", None)):
        raise ImportError(f"{path} is not a task function")
    return found


@lru_cache(maxsize=1024)
def options_of(path: str) -> Options:
    """The options of the task at `path`; the defaults when it is gone or was written for another backend."""
    try:
        task = task_at(path)
    except ImportError:
        return Options()
    return Options(
        notification=getattr(task, "notification", ""),
        backoff=getattr(task, "backoff", Options().backoff),
        isolate=getattr(task, "isolate", False),
        keep=getattr(task, "keep", None),
        item_style=getattr(task, "item_style", PLAIN),
    )

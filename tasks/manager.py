"""The seed's task manager as functions: for code that thinks in task ids rather than in `@task` objects."""

from collections.abc import Iterable, Mapping
from itertools import batched
from typing import Any, cast
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from . import ledger, lifecycle, tickets
from .backend import ProcrastinateBackend, Task
from .cleanup import cleanup_old_tasks as cleanup_old_tasks
from .eta import eta_seconds
from .models import RunCount, TaskRun, TaskRunQuerySet
from .redaction import redact

BATCH = 1000  # runs that one transaction makes


def create_task(
    task: Task,
    *args: Any,
    owner: AbstractBaseUser | None = None,
    name: str = "",
    topic: str = "",
    metadata: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> UUID:
    """Store a PENDING run of `task` and queue it. Returns its task id."""
    chosen = task.using(owner=owner, title=name or None, topic=topic or None, metadata=dict(metadata or {}) or None)
    return UUID(chosen.enqueue(*args, **kwargs).id)


def create_task_of_items(
    task: Task,
    items: Iterable[tuple[str, Any]],
    **kwargs: Any,
) -> UUID:
    """Store a PENDING run of `task` with a list of what it is to do, and queue it. Returns its task id.

    `items`: a key (500 characters at most, each once) and what else the function needs to know of it (JSON, or None).
    The function finds in `context.items.left()` what is not done yet, in every attempt. Thousands of them weigh nothing
    on the run's own row, which is searched, listed and drawn.
    """
    listed = list(items)
    with transaction.atomic():
        metadata = {**task.metadata, ledger.LISTED: len(listed)}
        run_id = UUID(task.using(metadata=metadata).enqueue(**kwargs).id)
        ledger.add_list(run_id, listed)
    return run_id


def create_tasks(
    task: Task,
    arguments: Iterable[Mapping[str, Any]],
    *,
    owner: AbstractBaseUser | None = None,
    name: str = "",
    topic: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> list[UUID]:
    """Store and queue a PENDING run of `task` for each of `arguments`, which are keyword arguments. Returns their ids.

    In this order, a thousand per transaction: when something is wrong with one, its thousand is not made, and those
    before it are. Inside `transaction.atomic()` it is all or nothing.
    """
    chosen = task.using(owner=owner, title=name or None, topic=topic or None, metadata=dict(metadata or {}) or None)
    backend = cast(ProcrastinateBackend, chosen.get_backend())
    return [run.pk for chunk in batched(arguments, BATCH) for run in backend.enqueue_many(chosen, chunk)]


def run_task(task_id: UUID) -> TaskRun:
    """Make sure that a waiting run is in line for a worker. A created run is already: this repairs a lost ticket."""
    run = TaskRun.objects.get(pk=task_id)
    if run in tickets.runs_without_ticket():
        lifecycle.reissue_ticket(run)
        run.refresh_from_db()
    return run


def get_task_status(task_id: UUID, *, viewer: AbstractBaseUser | None = None) -> dict[str, Any] | None:
    """The seed's task object for `task_id`; None when there is none, or `viewer` may not see it."""
    run = _runs(viewer).filter(pk=task_id).first()
    return None if run is None else as_dict(run)


def list_tasks(*, viewer: AbstractBaseUser | None = None, status: str = "", limit: int = 100) -> list[dict[str, Any]]:
    """The newest `limit` runs, newest first."""
    runs = _runs(viewer)
    if status:
        runs = runs.with_status([status])
    return [as_dict(run) for run in runs[:limit]]


def cancel_task(task_id: UUID, *, by: AbstractBaseUser | None = None, reason: str = "") -> TaskRun:
    """Stop a run. Raises TaskRun.DoesNotExist, and TransitionRefused when it has ended already."""
    return lifecycle.cancel(TaskRun.objects.get(pk=task_id), by=by, reason=reason)


def get_task_summary(*, viewer: AbstractBaseUser | AnonymousUser | None = None) -> dict[str, int]:
    """Counts: total, running, pending, completed, failed, cancelled. As quick for a million runs as for ten."""
    counts = RunCount.objects.all() if viewer is None else RunCount.objects.visible_to(viewer)
    return counts.summary()


def as_dict(run: TaskRun) -> dict[str, Any]:
    """The seed's task object as it may be shown, with what we add to it. Times are datetimes; ids are strings."""
    return {
        "id": str(run.pk),
        "name": run.name,
        "status": run.status,
        "progress": round(run.progress, 1),
        "processed_items": run.processed_items,
        "total_items": run.total_items,
        "current_item": run.current_item or None,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "completed_at": run.completed_at,
        "result": redact(run.result),
        "error": run.error or None,
        "metadata": redact(run.metadata),
        "stage": run.stage,
        "message": run.message,
        "topic": run.topic,
        "attempt": run.attempt,
        "seq": run.seq,
        "eta_seconds": eta_seconds(run),
        "cancelling": run.is_cancelling,
    }


def _runs(viewer: AbstractBaseUser | None) -> TaskRunQuerySet:
    return TaskRun.objects.all() if viewer is None else TaskRun.objects.visible_to(viewer)

"""Deleting runs that ended long ago: task by task, for each may be kept for another while, and in short batches.

How long a task's runs are kept is said, in this order, by the setting TASKS_KEEP, by `@task(keep=…)`, and by the
setting TASKS_KEEP_HOURS. A person who cleans up by hand names an age for all; tasks with a while of their own keep
theirs even then, unless that is asked for.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, models, transaction

from .conf import conf
from .db import database_now
from .models import TaskRun
from .options import options_of
from .states import LIVE

BATCH = 1000
LOCK = 0x636C65616E7570  # "cleanup": two at once would lock the same rows in different orders

# Jumps from name to name in the index, however many runs there are.
TASKS = """
    WITH RECURSIVE names(task) AS (
        (SELECT task FROM background_tasks WHERE completed_at IS NOT NULL ORDER BY task LIMIT 1)
        UNION ALL
        SELECT (
            SELECT task FROM background_tasks
            WHERE completed_at IS NOT NULL AND task > names.task ORDER BY task LIMIT 1
        ) FROM names WHERE names.task IS NOT NULL
    )
    SELECT task FROM names WHERE task IS NOT NULL
"""
# What somebody works with right now stays for the next time, and so does what a live run goes on from. Each batch
# begins where the last one ended: not with all the dead rows before it.
OLDEST = """
    SELECT run.id, run.completed_at FROM background_tasks run
    WHERE run.task = %(task)s AND run.completed_at >= %(after)s AND run.completed_at < %(before)s
      AND NOT EXISTS (
          SELECT FROM background_tasks again WHERE again.retry_of_id = run.id AND again.status = ANY(%(live)s)
      )
    ORDER BY run.completed_at LIMIT %(limit)s
    FOR UPDATE OF run SKIP LOCKED
"""
LONG_AGO = datetime.fromisoformat("0001-01-02T00:00:00+00:00")


def cleanup_old_tasks(max_age_hours: float | None = 24, *, include_kept: bool = False) -> int:
    """Delete runs that ended more than `max_age_hours` ago; with None, those that their task keeps no longer.

    A task with a while of its own keeps its runs for that at least, unless `include_kept`. Nobody has to wait: batches
    are short, and locked rows are left for the next time. Returns how many were deleted. Raises ValueError.
    """
    if max_age_hours is not None and not max_age_hours >= 0:
        raise ValueError("max_age_hours must be zero or more.")
    asked = None if max_age_hours is None else timedelta(hours=max_age_hours)
    now = database_now()
    return sum(_clean(task, now - _age(task, asked, include_kept=include_kept)) for task in _tasks())


def kept_for(task: str) -> timedelta | None:
    """How long runs of `task` are kept after their end, if that is said for it in particular."""
    hours = conf.TASKS_KEEP.get(task)
    return options_of(task).keep if hours is None else timedelta(hours=hours)


def _age(task: str, asked: timedelta | None, *, include_kept: bool) -> timedelta:
    own = kept_for(task)
    if asked is None:
        return own if own is not None else timedelta(hours=conf.TASKS_KEEP_HOURS)
    return asked if own is None or include_kept else max(asked, own)


def _tasks() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(TASKS)
        return [task for (task,) in cursor.fetchall()]


def _clean(task: str, before: datetime) -> int:
    deleted, after = 0, LONG_AGO
    while True:
        with transaction.atomic():
            batch = _oldest(task, after, before)
            if not batch:
                return deleted
            delete_runs([pk for pk, _ in batch])
        deleted += len(batch)
        after = batch[-1][1]


def _oldest(task: str, after: datetime, before: datetime) -> list[tuple[UUID, datetime]]:
    live = [str(status) for status in sorted(LIVE)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute(OLDEST, {"task": task, "after": after, "before": before, "live": live, "limit": BATCH})
        return cursor.fetchall()


def delete_runs(ids: list[UUID]) -> None:
    """Delete these runs with all that belongs to them; what merely points to them points to nothing afterwards.

    By plain SQL, a statement for each table: Django would first load what it deletes.
    """
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        for relation in _pointing_here():
            table = quote(relation.related_model._meta.db_table)
            column = quote(str(relation.field.column))
            if relation.on_delete is models.CASCADE:
                cursor.execute(f"DELETE FROM {table} WHERE {column} = ANY(%s)", [ids])  # noqa: S608 - names of ours
            elif relation.on_delete is models.SET_NULL:
                cursor.execute(f"UPDATE {table} SET {column} = NULL WHERE {column} = ANY(%s)", [ids])  # noqa: S608
        cursor.execute("DELETE FROM background_tasks WHERE id = ANY(%s)", [ids])


def _pointing_here() -> list[models.ForeignObjectRel]:
    fields = TaskRun._meta.get_fields(include_hidden=True)
    return [field for field in fields if isinstance(field, models.ManyToOneRel)]

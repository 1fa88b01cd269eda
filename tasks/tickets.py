"""The seam to the engine: a run's ticket is one Procrastinate job that says "run id, attempt" and nothing else.

Tickets carry order, claim and liveness. They are made in the caller's transaction, deleted when done and never shown;
everything a person may ask about a run stands in our own tables. Only this module and worker.py know Procrastinate.
"""

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from procrastinate.contrib.django import app as engine
from procrastinate.exceptions import ConnectorException

from .models import TaskRun

EXECUTE = "tasks.execute"
_LOOK = json.dumps({"type": "job_inserted", "job_id": 0})  # what the engine's workers understand


@contextmanager
def _errors_of_django() -> Iterator[None]:
    """What goes wrong in the database is raised as anywhere else, not in the engine's disguise: callers retry by it."""
    with connection.wrap_database_errors:
        try:
            yield
        except ConnectorException as error:
            raise error.__cause__ or error from None


@_errors_of_django()
def issue(*, run_id: UUID, attempt: int, queue: str, priority: int) -> int:
    """Queue one attempt of a run. Returns the ticket's id; rolled back with the caller's transaction.

    When it may start stands in the run alone (`run_after`): the fetch looks there.
    """
    job = engine.configure_task(EXECUTE, allow_unknown=True, queue=queue, priority=priority)
    return job.defer(run_id=str(run_id), attempt=attempt)


# For a batch: a ticket for each row of `new` (id, place), as `ticket` and `place`. Like the engine's own batches this
# relies on ids being handed back in the order in which the jobs were handed in.
ISSUE_MANY = """
    SELECT ticket, place FROM unnest(procrastinate_defer_jobs_v1(ARRAY(
        SELECT ROW(%s, %s, %s, NULL, NULL, jsonb_build_object('run_id', id, 'attempt', 1), NULL)
            ::procrastinate_job_to_defer_v1
        FROM new ORDER BY place
    ))) WITH ORDINALITY AS issued(ticket, place)
"""


def issue_many_params(*, queue: str, priority: int) -> list[Any]:
    """The parameters of ISSUE_MANY."""
    return [queue, EXECUTE, priority]


@_errors_of_django()
def withdraw(ticket: int | None) -> None:
    """Take a ticket out of the queue that no worker holds yet; nothing happens when one does."""
    if ticket is not None:
        engine.job_manager.cancel_job_by_id(ticket, delete_job=True)


def wake() -> None:
    """Have idle workers look at the line once this transaction commits: somebody may start who could not before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('procrastinate_any_queue_v1', %s)", [_LOOK])


@_errors_of_django()
def ask_to_stop(ticket: int | None) -> None:
    """Tell the worker that holds `ticket`, once this transaction commits, to stop its function."""
    if ticket is not None:
        engine.job_manager.cancel_job_by_id(ticket, abort=True)


def discard(tickets: Collection[int | None]) -> None:
    """Delete tickets in whatever state: their attempt is over, whoever still holds one will find itself fenced off."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs WHERE id = ANY(%s)", [[t for t in tickets if t is not None]])


def runs_without_worker(*, dead_after: timedelta) -> list[TaskRun]:
    """Running runs whose ticket is gone, or held by a worker that is gone or silent for `dead_after`.

    Each has `lost_row`: the ticket is there, the row of the worker that holds it is not. A worker that lives puts it
    back with its next heartbeat.
    """
    return list(
        TaskRun.objects.raw(
            """
            SELECT run.*, job.id IS NOT NULL AND worker.id IS NULL AS lost_row FROM background_tasks run
            LEFT JOIN procrastinate_jobs job ON job.id = run.ticket AND job.status = 'doing'
            LEFT JOIN procrastinate_workers worker ON worker.id = job.worker_id
            WHERE run.status = 'running'
              AND (worker.id IS NULL OR worker.last_heartbeat NOT BETWEEN now() - %s AND now() + %s)
            """,
            [dead_after, dead_after],
        )
    )


def runs_without_ticket(*, dead_after: timedelta = timedelta(seconds=30)) -> list[TaskRun]:
    """Waiting runs that no worker would ever pick up, because their ticket is lost or already taken by a dead one."""
    return list(
        TaskRun.objects.raw(
            """
            SELECT run.* FROM background_tasks run
            LEFT JOIN procrastinate_jobs job ON job.id = run.ticket AND job.status IN ('todo', 'doing')
            LEFT JOIN procrastinate_workers worker ON worker.id = job.worker_id
            WHERE run.status = 'pending'
              AND (
                job.id IS NULL
                OR job.status = 'doing' AND (worker.id IS NULL OR worker.last_heartbeat < now() - %s)
              )
            """,
            [dead_after],
        )
    )


def discard_leftovers(*, dead_after: timedelta) -> int:
    """Delete tickets that a dead worker left behind, of runs that need them no more. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM procrastinate_jobs job
            WHERE job.status = 'doing' AND job.task_name = %s
              AND NOT EXISTS (
                  SELECT FROM procrastinate_workers worker
                  WHERE worker.id = job.worker_id AND worker.last_heartbeat >= now() - %s
              )
              AND NOT EXISTS (
                  SELECT FROM background_tasks run
                  WHERE run.ticket = job.id AND run.status IN ('pending', 'running')
              )
            """,
            (EXECUTE, dead_after),  # type: ignore[arg-type]  # the stubs forget timedelta
        )
        return int(cursor.rowcount)


def last_heartbeat() -> datetime | None:
    """When a worker was last heard of, anywhere; None when none is registered."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(last_heartbeat) FROM procrastinate_workers")
        return cursor.fetchone()[0]

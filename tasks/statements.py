"""An arrow of a run's life as one statement: the row, its event, and the row as it stands from then on.

As UPDATE, SELECT and INSERT it would be three conversations with the database, for every arrow of every run. What these
statements say is Django's own SQL for the change, with the event around it. Only lifecycle.py calls them;
`change`, which moves no arrow, is for progress.py.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models.base import ModelState
from django.db.models.sql import InsertQuery, UpdateQuery

from . import tickets
from .models import TaskEvent, TaskRun, TaskRunQuerySet

# Times by the database's clock: those of several machines would not agree on an order.
WITH_EVENT = f""" RETURNING background_tasks.*), event AS (
    INSERT INTO task_events (run_id, seq, at, kind, data)
    SELECT id, seq, statement_timestamp(), '{TaskEvent.Kind.STATE.value}', %s::jsonb FROM run
)
SELECT * FROM run
"""  # noqa: S608


def insert(run: TaskRun, event: Mapping[str, Any]) -> TaskRun:
    """Store a new run and its first event. Returns it as it is stored."""
    query = InsertQuery(TaskRun)
    query.insert_values(TaskRun._meta.concrete_fields, [run])
    [(change, params)] = query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
    [made] = _run(change, params, event)
    return made


def insert_many(
    template: TaskRun, differences: Sequence[tuple[UUID, Mapping[str, Any], str]], event: Mapping[str, Any]
) -> list[TaskRun]:
    """Store runs that are like `template` but for what `differences` says of each: id, keyword arguments, search words.

    With a ticket and a first event for each, in one statement. They keep their order: each is a microsecond younger
    than the one before.
    """
    ids = [run_id for run_id, _, _ in differences]
    all_kwargs = [json.dumps(kwargs, cls=DjangoJSONEncoder) for _, kwargs, _ in differences]
    columns, values, params = _columns_like(template)
    statement = f"""
        WITH new AS MATERIALIZED (
            SELECT * FROM unnest(%s::uuid[], %s::jsonb[], %s::text[]) WITH ORDINALITY AS new(id, kwargs, search, place)
        ), issued AS MATERIALIZED (
            {tickets.ISSUE_MANY}
        ), run AS (
            INSERT INTO background_tasks ({columns})
            SELECT {values} FROM new JOIN issued USING (place)
            RETURNING id, seq, created_at, ticket
        ), event AS (
            INSERT INTO task_events (run_id, seq, at, kind, data)
            SELECT id, seq, created_at, '{TaskEvent.Kind.STATE.value}', %s::jsonb FROM run
        )
        SELECT id, created_at, ticket FROM run
    """  # noqa: S608
    issue = tickets.issue_many_params(queue=template.queue, priority=template.priority)
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            [
                ids,
                all_kwargs,
                [words for _, _, words in differences],
                *issue,
                *params,
                json.dumps(event, cls=DjangoJSONEncoder),
            ],
        )
        stored = {run_id: (created_at, ticket) for run_id, created_at, ticket in cursor.fetchall()}
    return [_like(template, run_id, kwargs, words, *stored[run_id]) for run_id, kwargs, words in differences]


def move(runs: TaskRunQuerySet, event: Mapping[str, Any], changes: Mapping[str, Any]) -> TaskRun | None:
    """Change the one run that is still where `runs` looks for it, and record that. Returns it; None when it is not."""
    moved = _run(*_update(runs, changes), event)
    return moved[0] if moved else None


def change(runs: TaskRunQuerySet, changes: Mapping[str, Any]) -> TaskRun | None:
    """The same without an event, for what is no arrow."""
    update, params = _update(runs, changes)
    changed = list(TaskRun.objects.raw(f"{update} RETURNING background_tasks.*", params))
    return changed[0] if changed else None


def _update(runs: TaskRunQuerySet, changes: Mapping[str, Any]) -> tuple[str, Sequence[Any]]:
    query: Any = runs.order_by().query.chain(UpdateQuery)
    query.add_update_values(changes)
    sql: tuple[str, Sequence[Any]] = query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
    return sql


def _run(change: str, params: Sequence[Any], event: Mapping[str, Any]) -> list[TaskRun]:
    said = json.dumps(event, cls=DjangoJSONEncoder)
    return list(TaskRun.objects.raw(f"WITH run AS ({change}{WITH_EVENT}", [*params, said]))


# What differs from run to run in a batch, and where it comes from.
DIFFERENT = {
    "id": "new.id",
    "kwargs": "new.kwargs",
    "search": "new.search",
    "ticket": "issued.ticket",
    "created_at": "statement_timestamp() + new.place * interval '1 microsecond'",
}


def _columns_like(template: TaskRun) -> tuple[str, str, list[Any]]:
    """The columns of a run, SQL for the value of each, and the parameters of that."""
    names, values, params = [], [], []
    for column in TaskRun._meta.concrete_fields:
        names.append(f'"{column.column}"')
        values.append(DIFFERENT.get(column.attname, "%s"))
        if column.attname not in DIFFERENT:
            params.append(column.get_db_prep_save(getattr(template, column.attname), connection))
    return ", ".join(names), ", ".join(values), params


def _like(
    template: TaskRun, run_id: UUID, kwargs: Mapping[str, Any], words: str, created_at: datetime, ticket: int
) -> TaskRun:
    run = TaskRun.__new__(TaskRun)  # as copy() would, without asking a hundred times what it is
    run.__dict__.update(template.__dict__)
    run._state = ModelState()
    run._state.adding = False
    run.id, run.kwargs, run.search, run.created_at, run.ticket = run_id, kwargs, words, created_at, ticket
    return run

"""What people call the columns of runs and schedules, as the admin shows them.

Said once the models are made, and not in them: what a column is called is no part of the schema, and in a model every
such word would be a migration.
"""

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .runs import TaskRun
from .schedules import Schedule

type Names = Mapping[str, Any]  # a lazy text for each column

OF_RUNS: Names = {
    "id": _("id"),
    "task": _("task"),
    "name": _("name"),
    "status": _("status"),
    "priority": _("priority"),
    "queue": _("queue"),
    "owner": _("owner"),
    "topic": _("topic"),
    "created_at": pgettext_lazy("of a run", "created at"),
    "run_after": _("run after"),
    "started_at": pgettext_lazy("of a run", "started at"),
    "completed_at": pgettext_lazy("of a run", "completed at"),
    "progress": _("progress"),
    "processed_items": _("processed items"),
    "total_items": _("total items"),
    "current_item": _("current item"),
    "stage": _("stage"),
    "message": _("message"),
    "error": _("error"),
    "exception_class": _("exception class"),
    "traceback": _("traceback"),
    "attempt": _("attempt"),
    "failed_attempts": _("failed attempts"),
    "rescues": _("rescues"),
    "max_attempts": _("max attempts"),
    "timeout": _("timeout"),
    "worker": _("worker"),
    "worker_ids": _("worker ids"),
    "cancel_requested_at": _("cancel requested at"),
    "retry_of": _("retry of"),
    "unique_key": _("unique key"),
    "concurrency_key": _("concurrency key"),
    "concurrency_limit": _("concurrency limit"),
    "seq": _("seq"),
}
OF_SCHEDULES: Names = {
    "name": _("name"),
    "task": _("task"),
    "kwargs": _("kwargs"),
    "owner": _("owner"),
    "topic": _("topic"),
    "cron": _("cron"),
    "interval": _("interval"),
    "zone": _("zone"),
    "enabled": pgettext_lazy("of a schedule", "enabled"),
    "next_run_at": _("next run at"),
    "last_run_at": _("last run at"),
    "last_run": _("last run"),
    "skipped": pgettext_lazy("of a schedule", "skipped"),
    "last_error": _("last error"),
    "created_at": pgettext_lazy("of a schedule", "created at"),
}


def name_columns() -> None:
    """Give the models and their columns their names."""
    _name(TaskRun, _("task run"), _("task runs"), OF_RUNS)
    _name(Schedule, _("schedule"), _("schedules"), OF_SCHEDULES)


def _name(model: type[models.Model], one: Any, many: Any, names: Names) -> None:
    model._meta.verbose_name, model._meta.verbose_name_plural = one, many
    columns = {column.name: column for column in model._meta.concrete_fields}
    for column, name in names.items():
        columns[column].verbose_name = name

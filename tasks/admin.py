"""Runs in Django's admin: to look at. What changes a run goes through its pages or the API."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.decorators import method_decorator
from django.utils.functional import lazy
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django.models import ProcrastinateJob

from live.frames import timestamp
from live.limits import Kind, limited
from live.numbers import grouped
from notifications.large_tables import LargeTableAdmin, ReadOnly

from . import lifecycle, queues, schedules
from .exceptions import BadSchedule, TaskManagerError
from .filters import Filters
from .listing import newest
from .models import Schedule, TaskEvent, TaskRun
from .redaction import named_arguments, redact
from .schedules import Plan
from .text import fit
from .timeline import Line, lines_of

SEARCHED = 200
MOST_AT_ONCE = 1_000
EVENTS_SHOWN = 100


def _search_help() -> str:
    words = gettext("Words of name, topic, task or arguments, an id, or a username: the newest %(number)s.")
    return words % {"number": grouped(SEARCHED)}


class QueueFilter(admin.SimpleListFilter):
    """The queues there are. Django's own filter would look through every run for them."""

    title = _("queue")
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """All queues but our own."""
        return [(queue.name, queue.name) for queue in queues.overview()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[TaskRun]) -> QuerySet[TaskRun]:
        """Those of the chosen queue."""
        return queryset.filter(queue=self.value()) if self.value() else queryset


@admin.register(TaskRun)
@method_decorator(limited(Kind.CONTROL), name="changelist_view")
class TaskRunAdmin(ReadOnly, LargeTableAdmin):
    """List, filter and search runs; cancel and retry them with the permission to control runs.

    Nothing in here counts, sorts or looks through all runs: the list is walked by its index, words have their own.
    """

    list_display = ["name", "status", "owner", "topic", "progress", "created_at", "completed_at", "attempt"]
    list_filter = ["status", QueueFilter, "created_at"]
    search_fields = ["search"]
    search_help_text = lazy(_search_help, str)()
    list_select_related = ["owner"]
    sortable_by = ["created_at"]
    ordering = None
    actions = ["cancel_runs", "retry_runs"]
    fields = [
        *("id", "name", "task", "status", "owner", "topic", "queue", "priority", "arguments", "shown_result", "error"),
        *("exception_class", "traceback", "shown_metadata", "history", "created_at", "run_after", "started_at"),
        *("completed_at", "progress", "processed_items", "total_items", "current_item", "stage", "message", "attempt"),
        *("failed_attempts", "rescues", "max_attempts", "timeout", "worker", "worker_ids", "cancel_requested_at"),
        *("retry_of", "unique_key", "concurrency_key", "concurrency_limit", "seq"),
    ]
    readonly_fields = ["arguments", "shown_result", "shown_metadata", "history"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[TaskRun], search_term: str
    ) -> tuple[QuerySet[TaskRun], bool]:
        """The newest runs that match, by their words; or whose owner has that name."""
        if not search_term:
            return queryset, False
        runs: Any = queryset.select_related(None).only("pk", "created_at")
        found = newest(runs, Filters.of({"q": search_term}), limit=SEARCHED)
        found += newest(runs, Filters.of({"owner": search_term}), limit=SEARCHED)
        return queryset.filter(pk__in={run.pk for run in found}), False

    @admin.display(description=_("arguments"))
    def arguments(self, run: TaskRun) -> str:
        """What the function was called with, without secrets."""
        return _shown(named_arguments(run.task, run.args, run.kwargs))

    @admin.display(description=_("result"))
    def shown_result(self, run: TaskRun) -> str:
        """What it returned, without secrets."""
        return _shown(run.result)

    @admin.display(description=_("metadata"))
    def shown_metadata(self, run: TaskRun) -> str:
        """What was noted beside it, without secrets."""
        return _shown(run.metadata)

    @admin.display(description=_("newest events"))
    def history(self, run: TaskRun) -> str:
        """What happened last; all of it is on the run's page."""
        events = list(run.events.order_by("-seq")[:EVENTS_SHOWN])
        rows = [(event.seq, timestamp(event.at), line.text, line.note) for event, line in _lines(events)]
        return format_html_join("", "<div>{} · {} · {} {}</div>", rows)

    def has_control_permission(self, request: HttpRequest) -> bool:
        """May this person cancel and retry everybody's runs?"""
        return request.user.has_perm("tasks.control_taskrun")

    @admin.action(description=_("Cancel selected runs"), permissions=["control"])
    def cancel_runs(self, request: HttpRequest, queryset: QuerySet[TaskRun]) -> None:
        """Cancel what is still live among the selected."""
        self._apply(request, queryset, lifecycle.cancel, gettext("%(count)s cancelled or asked to stop"))

    @admin.action(description=_("Retry selected runs"), permissions=["control"])
    def retry_runs(self, request: HttpRequest, queryset: QuerySet[TaskRun]) -> None:
        """Start what failed or was cancelled among the selected again."""
        self._apply(request, queryset, lifecycle.retry, gettext("%(count)s started again"))

    def _apply(self, request: HttpRequest, queryset: QuerySet[TaskRun], change: Any, done_words: str) -> None:
        done, refused = 0, 0
        chosen = list(queryset[: MOST_AT_ONCE + 1])
        if len(chosen) > MOST_AT_ONCE:
            text = gettext(
                "Nothing was done: choose %(number)s runs at most, or use “all that match” in the list of runs."
            )
            self.message_user(request, text % {"number": grouped(MOST_AT_ONCE)}, level="ERROR")
            return
        for run in chosen:
            try:
                change(run, by=request.user)
                done += 1
            except TaskManagerError:
                refused += 1
        note = done_words % {"count": done} + "."
        if refused:
            note += " " + gettext("%(count)s left as they are: they have moved on.") % {"count": refused}
        self.message_user(request, note)


def _shown(value: Any) -> str:
    """JSON as it may be shown."""
    if value in (None, [], {}):
        return "-"
    return format_html("<pre>{}</pre>", fit(json.dumps(redact(value), indent=1, ensure_ascii=False), 20_000))


def _lines(events: list[TaskEvent]) -> list[tuple[TaskEvent, Line]]:
    return [(event, line) for event in events for line in lines_of([event])]


# The engine's own admin lets staff who may only look abort jobs behind our backs, and a ticket says nothing to people.
admin.site.unregister(ProcrastinateJob)


class ScheduleAdminForm(forms.ModelForm):
    """A schedule's columns, held to the rules of schedules.py."""

    class Meta:
        model = Schedule
        fields = ["name", "task", "kwargs", "owner", "topic", "cron", "interval", "zone"]

    def plan(self) -> Plan:
        """What was entered, as a plan."""
        values = self.cleaned_data
        owner = values.get("owner")
        plain = {name: values.get(name) or "" for name in ("name", "task", "topic", "cron", "zone")}
        kwargs = values.get("kwargs")
        return Plan(
            **plain,
            kwargs={} if kwargs is None else kwargs,
            owner_id=None if owner is None else owner.pk,
            interval=values.get("interval"),
        )

    def clean(self) -> dict[str, Any]:
        """Refuse what could never run."""
        super().clean()
        if not self.errors:
            try:
                schedules.checked(self.plan())
            except BadSchedule as bad:
                self.add_error(bad.field, str(bad))
        return self.cleaned_data


@admin.register(Schedule)
class ScheduleAdmin(ModelAdmin):
    """What the clock starts: edited here by the same rules as on its pages."""

    form = ScheduleAdminForm
    list_display = ["name", "task", "enabled", "next_run_at", "last_run_at", "skipped", "last_error", "owner"]
    list_filter = ["enabled"]
    search_fields = ["name", "task", "topic", "owner__username"]
    list_select_related = ["owner"]
    raw_id_fields = ["owner"]
    readonly_fields = ["enabled", "next_run_at", "last_run_at", "last_run", "skipped", "last_error", "created_at"]
    actions = ["enable_schedules", "disable_schedules"]

    def save_model(self, request: HttpRequest, obj: Schedule, form: Any, change: bool) -> None:
        """Store through schedules.py, which knows what is due next."""
        stored = schedules.change(obj, form.plan()) if change else schedules.create(form.plan())
        obj.pk = stored.pk

    def delete_model(self, request: HttpRequest, obj: Schedule) -> None:
        """Through schedules.py as well."""
        schedules.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        """One by one."""
        for schedule in queryset:
            schedules.delete(schedule)

    @admin.action(description=_("Turn selected schedules on"), permissions=["change"])
    def enable_schedules(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        """Start them by the clock again."""
        for schedule in queryset:
            try:
                schedules.enable(schedule)
            except BadSchedule as bad:
                self.message_user(request, f"{schedule.name}: {bad}", level="ERROR")

    @admin.action(description=_("Turn selected schedules off"), permissions=["change"])
    def disable_schedules(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        """Start them no more."""
        for schedule in queryset:
            schedules.disable(schedule)

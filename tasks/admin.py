"""Runs in Django's admin: to look at. What changes a run goes through its pages or the API."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import ModelAdmin, TabularInline
from django.db.models import QuerySet
from django.http import HttpRequest
from procrastinate.contrib.django.models import ProcrastinateJob

from . import lifecycle, schedules
from .exceptions import BadSchedule, TaskManagerError
from .models import Schedule, TaskEvent, TaskRun
from .schedules import Plan


class ReadOnly:
    """No adding, changing or deleting."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Runs come from enqueueing."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only lifecycle.py writes."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Cleanup deletes."""
        return False


class TaskEventInline(ReadOnly, TabularInline):
    """The timeline of a run."""

    model = TaskEvent
    extra = 0
    fields = ["seq", "at", "kind", "data"]
    can_delete = False


@admin.register(TaskRun)
class TaskRunAdmin(ReadOnly, ModelAdmin):
    """List, filter and search runs; cancel and retry them with the permission to control runs."""

    list_display = ["name", "status", "owner", "topic", "progress", "created_at", "completed_at", "attempt"]
    list_filter = ["status", "queue", "created_at"]
    search_fields = ["name", "task", "topic", "owner__username"]
    date_hierarchy = "created_at"
    list_select_related = ["owner"]
    show_full_result_count = False
    inlines = [TaskEventInline]
    actions = ["cancel_runs", "retry_runs"]

    def has_control_permission(self, request: HttpRequest) -> bool:
        """May this person cancel and retry everybody's runs?"""
        return request.user.has_perm("tasks.control_taskrun")

    @admin.action(description="Cancel selected runs", permissions=["control"])
    def cancel_runs(self, request: HttpRequest, queryset: QuerySet[TaskRun]) -> None:
        """Cancel what is still live among the selected."""
        self._apply(request, queryset, lifecycle.cancel, "cancelled or asked to stop")

    @admin.action(description="Retry selected runs", permissions=["control"])
    def retry_runs(self, request: HttpRequest, queryset: QuerySet[TaskRun]) -> None:
        """Start what failed or was cancelled among the selected again."""
        self._apply(request, queryset, lifecycle.retry, "started again")

    def _apply(self, request: HttpRequest, queryset: QuerySet[TaskRun], change: Any, done_word: str) -> None:
        done, refused = 0, 0
        for run in queryset:
            try:
                change(run, by=request.user)
                done += 1
            except TaskManagerError:
                refused += 1
        note = f"{done} {done_word}." + (f" {refused} left as they are: they have moved on." if refused else "")
        self.message_user(request, note)


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

    @admin.action(description="Turn selected schedules on", permissions=["change"])
    def enable_schedules(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        """Start them by the clock again."""
        for schedule in queryset:
            try:
                schedules.enable(schedule)
            except BadSchedule as bad:
                self.message_user(request, f"{schedule.name}: {bad}", level="ERROR")

    @admin.action(description="Turn selected schedules off", permissions=["change"])
    def disable_schedules(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        """Start them no more."""
        for schedule in queryset:
            schedules.disable(schedule)

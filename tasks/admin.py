"""Runs in Django's admin: to look at. What changes a run goes through its pages or the API."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import ModelAdmin, TabularInline
from django.db.models import QuerySet
from django.http import HttpRequest
from procrastinate.contrib.django.models import ProcrastinateJob

from . import lifecycle
from .exceptions import TaskManagerError
from .models import TaskEvent, TaskRun


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

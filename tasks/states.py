"""The five states of a run and the arrows between them, as data: code, buttons, docs and tests read this one table."""

from django.db import models
from django.tasks import TaskResultStatus
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    """Where a run stands."""

    PENDING = "pending", _("Pending")
    RUNNING = "running", _("Running")
    COMPLETED = "completed", _("Completed")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


LIVE = frozenset({Status.PENDING, Status.RUNNING})
FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})

ALLOWED: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.RUNNING, Status.CANCELLED, Status.FAILED}),
    Status.RUNNING: FINAL | {Status.PENDING},  # PENDING again: retry, rescue, graceful stop
    **{final: frozenset() for final in FINAL},
}

# What Django's Tasks API calls our states. A cancelled run never succeeds, and Django knows no third way to end.
AS_TASK_RESULT = {
    Status.PENDING: TaskResultStatus.READY,
    Status.RUNNING: TaskResultStatus.RUNNING,
    Status.COMPLETED: TaskResultStatus.SUCCESSFUL,
    Status.FAILED: TaskResultStatus.FAILED,
    Status.CANCELLED: TaskResultStatus.FAILED,
}


def sources_of(target: Status) -> frozenset[Status]:
    """The states from which an arrow leads to `target`."""
    return frozenset(status for status, targets in ALLOWED.items() if target in targets)

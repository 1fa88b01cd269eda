"""How the system itself stands: paused queues, workers, how many runs there are."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Index, Q, Sum
from django.utils import timezone

from tasks.states import Status

from .owned import OfOwners, summary_of


class QueueState(models.Model):
    """A queue that was paused: workers take nothing from it until it is resumed."""

    name = models.CharField(max_length=100, primary_key=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        db_table = "task_queues"

    def __str__(self) -> str:
        return f"{self.name}{' (paused)' if self.paused_at else ''}"


class WorkerState(models.Model):
    """A worker as it last described itself: what pages and health say of it. Liveness is the engine's heartbeat."""

    name = models.CharField(max_length=200, primary_key=True)
    started_at = models.DateTimeField(default=timezone.now)
    heard_at = models.DateTimeField(default=timezone.now)
    stopped_at = models.DateTimeField(null=True, blank=True, help_text="Set when it left in an orderly way.")
    concurrency = models.PositiveIntegerField(default=1)
    queues: Any = models.JSONField(null=True, blank=True, help_text="Empty: every queue.")
    restarts = models.PositiveIntegerField(default=0, help_text="Times a part of it ended and was started again.")
    restarted_at = models.DateTimeField(null=True, blank=True)
    trouble = models.CharField(max_length=1000, blank=True, default="", help_text="Why it was last restarted.")

    class Meta:
        db_table = "task_workers"
        ordering = ["name"]
        indexes = [
            # Who was heard of lately, and who can be forgotten.
            Index(fields=["heard_at"], name="worker_heard")
        ]

    def __str__(self) -> str:
        return self.name


class RunCountQuerySet(OfOwners["RunCount"]):
    """Counts without counting."""

    def summary(self) -> dict[str, int]:
        """How many runs there are, in all and by status: the seed's `summary` object."""
        return summary_of(self.order_by().values_list("status").annotate(Sum("number")))


class RunCount(models.Model):
    """How many runs an owner has in a status, as changes to add up: counting a million rows anew would not be quick.

    Triggers in the database write it (migration 0005), so whatever changes a run counts. They only ever add rows:
    nobody waits for anybody. The reconciler sums up (counts.py).
    """

    owner: Any = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, null=True, db_constraint=False, related_name="+"
    )
    status = models.CharField(max_length=10, choices=Status)
    number = models.BigIntegerField()
    is_sum = models.BooleanField(default=False, help_text="What was summed up already.")

    objects = RunCountQuerySet.as_manager()

    class Meta:
        db_table = "task_counts"
        indexes = [
            # Are there enough changes to sum up?
            Index(fields=["id"], condition=Q(is_sum=False), name="task_counts_to_sum_up")
        ]

    def __str__(self) -> str:
        return f"{self.number:+} {self.status}"

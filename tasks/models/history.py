"""How runs ended, hour by hour, known without looking at them: what the charts read."""

from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Index, Q, Sum

from tasks.states import Status

# Durations are kept as steps of a scale, four to each doubling: a step is within 9 % of all that fall on it.
STEPS_PER_DOUBLING = 4


class RunHourQuerySet(models.QuerySet["RunHour"]):
    """Sums of what ended."""

    def of(self, owner: Any | None) -> Self:
        """What ended of this owner's; of everybody's, without one."""
        return self.filter(everybody=owner is None, owner=owner)

    def ended_since(self, moment: datetime) -> list[tuple[datetime, str, int | None, int]]:
        """Hour (its beginning, UTC), status, step of the duration, how many; from the hour of `moment` on. One query.

        The step is None but for completed runs: what failed or was cancelled says nothing of how long a run takes.
        """
        hours = self.filter(hour__gte=moment).order_by().values_list("hour", "status", "step")
        return [row for row in hours.annotate(Sum("number")) if row[3]]


class RunHour(models.Model):
    """How many runs ended in an hour, how, and how long they took, as changes to add up.

    A trigger writes it (migration 0009) when a run ends: a row for its owner and one for everybody, so that staff read
    as few rows as anybody. It is what happened: that runs are deleted later changes nothing. history.py sums up, and
    forgets what no chart shows any more.
    """

    everybody = models.BooleanField()
    owner: Any = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    hour = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status)
    step = models.SmallIntegerField(null=True, help_text="Of completed runs: 4 × log2 of the seconds, rounded.")
    number = models.BigIntegerField()
    is_sum = models.BooleanField(default=False, help_text="What was summed up already.")

    objects = RunHourQuerySet.as_manager()

    class Meta:
        db_table = "task_hours"
        indexes = [
            # The last hours of an owner, or of everybody.
            Index(
                fields=["everybody", "owner", "hour"], include=["status", "step", "number"], name="task_hours_of_owner"
            ),
            # Are there enough changes to sum up?
            Index(fields=["id"], condition=Q(is_sum=False), name="task_hours_to_sum_up"),
        ]

    def __str__(self) -> str:
        return f"{self.number:+} {self.status} at {self.hour}"

"""What starts runs by the clock."""

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import CheckConstraint, Index, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .runs import TaskRun


class Schedule(models.Model):
    """A task that is started by the clock: by a cron line, or every so often."""

    name = models.CharField(max_length=255, unique=True)
    task = models.CharField(max_length=255, help_text=_("Dotted path of the task function."))
    kwargs = models.JSONField(default=dict, blank=True, encoder=DjangoJSONEncoder)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="task_schedules"
    )
    topic = models.CharField(max_length=200, blank=True, default="")
    cron = models.CharField(max_length=100, blank=True, default="", help_text=_("Minute, hour, day, month, weekday."))
    interval = models.DurationField(null=True, blank=True)
    zone = models.CharField(max_length=64, default="UTC", help_text=_("In which the cron line is read."))
    enabled = models.BooleanField(default=True)
    next_run_at = models.DateTimeField(null=True, blank=True)
    last_run_at = models.DateTimeField(null=True, blank=True)
    last_run = models.ForeignKey(TaskRun, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    skipped = models.PositiveIntegerField(default=0, help_text=_("Times it was due while its last run was still live."))
    last_error = models.CharField(max_length=1000, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "task_schedules"
        ordering = ["name"]
        constraints = [
            CheckConstraint(condition=Q(cron="") ^ Q(interval__isnull=True), name="schedule_cron_or_interval")
        ]
        indexes = [
            # Every worker asks every few seconds what is due.
            Index(fields=["next_run_at"], condition=Q(enabled=True), name="schedule_due")
        ]

    def __str__(self) -> str:
        return self.name

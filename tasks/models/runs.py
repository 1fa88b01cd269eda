"""Runs and what happened to them. Nothing here changes a status: that is lifecycle.py's alone."""

import uuid
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVector
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import CheckConstraint, Count, F, Index, Q, TextField, UniqueConstraint, Value, Window
from django.db.models.functions import Cast, Coalesce, RowNumber
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from tasks import search
from tasks.states import FINAL, LIVE, Status

from .owned import OfOwners, summary_of

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager


class TaskRunQuerySet(OfOwners["TaskRun"]):
    """Queries that read as phrases: `TaskRun.objects.visible_to(user).live().on_topic(topic)`."""

    def live(self) -> Self:
        """Runs that are waiting or running."""
        return self.filter(status__in=LIVE)

    def final(self) -> Self:
        """Runs that have ended, one way or another."""
        return self.filter(status__in=FINAL)

    def on_topic(self, topic: str) -> Self:
        """Runs that belong to `topic`."""
        return self.filter(topic=topic)

    def with_status(self, statuses: Iterable[str]) -> Self:
        """Runs in one of `statuses`."""
        return self.filter(status__in=list(statuses))

    def matching(self, text: str, *, by_index: bool = True) -> Self:
        """Runs found by `text`: every word of it begins a word of theirs, or it is their id. No word finds nothing.

        Not `by_index`: each of these runs is looked at; for few of them.
        """
        query = search.query_of(text)
        found = Q(pk__in=[]) if query is None else Q(words=query)
        with suppress(ValueError):  # words, not the id of a run
            found |= Q(pk=uuid.UUID(text.strip()))
        return self.alias(words=search.VECTOR if by_index else search.VECTOR_OF_ROW).filter(found)

    def with_words(self, query: SearchQuery) -> Self:
        """Runs whose words fit `query`, by their index."""
        return self.alias(words=search.VECTOR).filter(Q(words=query))

    def older_than(self, created_at: datetime, pk: uuid.UUID) -> Self:
        """The list from behind this place on, newest first: an index finds the place, however far down it is."""
        return self.filter(created_at__lte=created_at).filter(Q(created_at__lt=created_at) | Q(pk__lt=pk))

    def in_line(self) -> "TaskRunQuerySet":
        """Waiting runs in the order they will start: by priority, then by turns between owners, then by age.

        `place`: 1 for the first of its owner's waiting runs, 2 for the second, …
        """
        place = Window(RowNumber(), partition_by="owner", order_by=["-priority", "created_at", "id"])
        waiting = self.filter(status=Status.PENDING).annotate(place=place)
        return waiting.order_by("-priority", "place", "created_at", "id")

    def summary(self) -> dict[str, int]:
        """How many of these runs there are, in all and by status. One by one: see RunCount for all of a viewer's."""
        return summary_of(self.order_by().values_list("status").annotate(Count("pk")))


class TaskRun(models.Model):
    """One requested execution of a task function."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    task = models.CharField(max_length=255, help_text=_("Dotted path of the task function."))
    name = models.CharField(max_length=255)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    priority = models.SmallIntegerField(default=0)
    queue = models.CharField(max_length=100, default="default")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="task_runs",
        db_index=False,  # task_list_of_owner serves as well
    )
    topic = models.CharField(max_length=200, blank=True, default="")
    args = models.JSONField(default=list, encoder=DjangoJSONEncoder)
    kwargs = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    created_at = models.DateTimeField(default=timezone.now)
    run_after = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True, help_text=_("Start of the current attempt."))
    completed_at = models.DateTimeField(null=True, blank=True)

    progress = models.FloatField(
        default=0, help_text=_("0 to 100; never falls within an attempt; 100 only when completed.")
    )
    processed_items = models.PositiveBigIntegerField(default=0)
    total_items = models.PositiveBigIntegerField(null=True, blank=True, help_text=_("Empty while unknown."))
    current_item = models.CharField(max_length=500, blank=True, default="")
    stage = models.CharField(max_length=100, blank=True, default="")
    message = models.CharField(max_length=1000, blank=True, default="")

    result = models.JSONField(null=True, blank=True, encoder=DjangoJSONEncoder)
    error = models.TextField(blank=True, default="", help_text=_("What the owner is told."))
    exception_class = models.CharField(max_length=255, blank=True, default="")
    traceback = models.TextField(blank=True, default="", help_text=_("For staff only."))
    metadata = models.JSONField(default=dict, blank=True, encoder=DjangoJSONEncoder)
    checkpoint = models.JSONField(null=True, blank=True, encoder=DjangoJSONEncoder, help_text=_("Survives attempts."))

    # The fencing token: grows whenever the run goes back to PENDING, so that a worker presumed dead cannot write.
    attempt = models.PositiveIntegerField(default=1)
    failed_attempts = models.PositiveIntegerField(default=0, help_text=_("Attempts that failed or were lost."))
    rescues = models.PositiveIntegerField(default=0, help_text=_("Attempts lost with their worker."))
    max_attempts = models.PositiveIntegerField(default=1)
    timeout = models.DurationField(null=True, blank=True)
    worker = models.CharField(max_length=200, blank=True, default="")
    worker_ids = models.JSONField(default=list, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    retry_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="retries")
    unique_key = models.CharField(max_length=200, blank=True, default="")
    concurrency_key = models.CharField(max_length=200, blank=True, default="", help_text=_("Runs that share a limit."))
    concurrency_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("How many runs of this key may run at once, on all workers together.")
    )
    search = models.TextField(
        blank=True, default="", help_text=_("The words it is found by; secrets are not among them.")
    )
    seq = models.PositiveBigIntegerField(default=0)
    ticket = models.BigIntegerField(null=True, blank=True, help_text=_("The engine's job for the current attempt."))

    objects = TaskRunQuerySet.as_manager()

    if TYPE_CHECKING:
        events: "RelatedManager[TaskEvent]"
        items: "RelatedManager[TaskItem]"
        owner_id: int | None

    class Meta:
        db_table = "background_tasks"
        ordering = ["-created_at", "-id"]
        permissions = [
            ("control_taskrun", "Can cancel and retry every run"),
            ("cleanup_taskrun", "Can delete old runs"),
        ]
        constraints = [
            CheckConstraint(
                condition=Q(completed_at=None) ^ Q(status__in=sorted(FINAL)), name="task_final_iff_completed"
            ),
            CheckConstraint(condition=Q(status__in=Status.values), name="task_status_known"),
            CheckConstraint(condition=Q(progress__gte=0) & Q(progress__lte=100), name="task_progress_in_range"),
            CheckConstraint(
                condition=Q(status=Status.COMPLETED) ^ Q(progress__lt=100),
                name="task_full_iff_completed_status",
            ),
            CheckConstraint(
                condition=Q(total_items=None) | Q(processed_items__lte=F("total_items")),
                name="task_processed_within_total",
            ),
            CheckConstraint(
                condition=Q(concurrency_key="", concurrency_limit=None)
                | ~Q(concurrency_key="") & Q(concurrency_limit__gte=1),
                name="task_concurrency_key_and_limit",
            ),
            UniqueConstraint(
                fields=["unique_key"],
                condition=~Q(unique_key="") & Q(status__in=sorted(LIVE)),
                name="task_unique_while_live",
            ),
        ]
        indexes = [
            # The list of runs, newest first: everybody's, one owner's.
            Index(fields=["-created_at", "-id"], name="task_list"),
            Index(fields=["owner", "-created_at", "-id"], name="task_list_of_owner"),
            # Its tabs: what is rare (failed, cancelled, or completed where all fails) is not looked for among the rest.
            Index(
                fields=["status", "-created_at", "-id"],
                condition=Q(status__in=sorted(FINAL)),
                name="task_list_of_status",
            ),
            Index(
                fields=["owner", "status", "-created_at", "-id"],
                condition=Q(status__in=sorted(FINAL)),
                name="task_list_of_owner_status",
            ),
            # The list of a topic; few runs among many, mostly.
            Index(fields=["topic", "-created_at", "-id"], condition=~Q(topic=""), name="task_list_of_topic"),
            # The reconciler and the dashboard read only what is live.
            Index(fields=["status", "created_at"], condition=Q(status__in=sorted(LIVE)), name="task_live"),
            # The worker's fetch jumps from lane to lane: who is first in each?
            Index(
                "queue",
                F("priority") * -1,
                Coalesce(Cast("owner", TextField()), Value("")),
                "concurrency_key",
                "run_after",
                "created_at",
                "id",
                condition=Q(status=Status.PENDING),
                name="task_lanes",
            ),
            # How many of a key run now?
            Index(
                fields=["concurrency_key"],
                condition=Q(status=Status.RUNNING) & ~Q(concurrency_key=""),
                name="task_running_of_key",
            ),
            # Cleanup goes by the time of completion, task by task, for each may be kept for another while.
            Index(fields=["task", "completed_at"], condition=Q(completed_at__isnull=False), name="task_cleanup"),
            # Who ended a moment ago? Every process with sockets asks every few seconds.
            Index(fields=["-completed_at"], condition=Q(completed_at__isnull=False), name="task_ended"),
            # Search: every word of the question begins a word of the run.
            GinIndex(SearchVector("search", config="simple"), name="task_search"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_status_display()})"

    def get_absolute_url(self) -> str:
        """The run's page."""
        return reverse("tasks:detail", args=[self.pk])

    @property
    def is_final(self) -> bool:
        """Has this run ended?"""
        return self.status in FINAL

    @property
    def is_cancelling(self) -> bool:
        """Was a stop asked for that the worker has not confirmed yet?"""
        return self.status == Status.RUNNING and self.cancel_requested_at is not None


class TaskEvent(models.Model):
    """One recorded fact of a run's life. Append-only: timeline, logs, replay and audit read the same rows."""

    class Kind(models.TextChoices):
        """What sort of fact it is."""

        STATE = "state"
        BATCH = "batch"
        LOG = "log"

    run = models.ForeignKey(TaskRun, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveBigIntegerField()
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=10, choices=Kind)
    data: Any = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        db_table = "task_events"
        ordering = ["seq"]
        constraints = [UniqueConstraint(fields=["run", "seq"], name="task_event_order")]

    def __str__(self) -> str:
        return f"{self.kind} {self.seq} of {self.run_id}"


class TaskItem(models.Model):
    """How one item of a run ended: the ledger behind "retry what failed" and the CSV export."""

    class Outcome(models.TextChoices):
        """Done, or not, or not yet: what a run was given to do is there before it starts."""

        WAITING = "waiting", pgettext_lazy("item", "Waiting")
        DONE = "done", pgettext_lazy("item", "Done")
        FAILED = "failed", pgettext_lazy("item", "Failed")

    run = models.ForeignKey(TaskRun, on_delete=models.CASCADE, related_name="items")
    key = models.CharField(max_length=500, help_text="What the function calls the item.")
    outcome = models.CharField(max_length=10, choices=Outcome)
    label = models.CharField(
        max_length=30, blank=True, default="", db_default="", help_text="How it ended, in the function's words."
    )
    error = models.CharField(max_length=1000, blank=True, default="")
    given = models.JSONField(
        null=True, blank=True, encoder=DjangoJSONEncoder, help_text="What the function needs to know besides the key."
    )
    data = models.JSONField(null=True, blank=True, encoder=DjangoJSONEncoder)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "task_items"
        ordering = ["id"]
        constraints = [UniqueConstraint(fields=["run", "key"], name="task_item_once")]
        indexes = [
            # "Only what failed", page by page.
            Index(fields=["run", "outcome", "id"], name="task_item_outcome"),
            # What ended last, page by page: what a person sees while the run goes on.
            Index("run", F("at").desc(), "id", name="task_item_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.outcome}"

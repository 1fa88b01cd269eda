"""The item ledger: how each item of a run ended, kept for people, for CSV, and for "retry what failed"."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Count, Q

from .models import TaskItem, TaskRun
from .text import fit, mask_secrets

if TYPE_CHECKING:
    from .reporting import Item, Reporter

ONLY_FAILED = "only_failed_items"  # in a run's metadata: it does only what its ledger called failed at its start
MAX_KEY = 500
BATCH = 2000


class Items:
    """`context.items`: say how each item ended. Safe from any thread; stored with progress, five times a second."""

    def __init__(self, reporter: "Reporter", only: Sequence[str] | None) -> None:
        self._reporter = reporter
        self.only = only
        """The keys to do, when somebody asked to retry what failed; None when all are to be done."""

    def done(self, key: object, data: Any = None) -> None:
        """Item `key` is done. `data` (JSON): what to remember of it."""
        self._reporter.add_item(_key(key), TaskItem.Outcome.DONE, data=data)

    def failed(self, key: object, error: object) -> None:
        """Item `key` failed, and why: words or the exception. The run goes on."""
        words = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else str(error)
        self._reporter.add_item(_key(key), TaskItem.Outcome.FAILED, error=fit(mask_secrets(words), 1000))


def only_of(run: TaskRun) -> list[str] | None:
    """The keys that `run` is limited to; None for a run that does everything."""
    if ONLY_FAILED not in run.metadata:
        return None
    return list(_failed(run.pk).values_list("key", flat=True))


def store_items(run_id: UUID, items: Mapping[str, "Item"]) -> None:
    """Keep how items ended: one row each, in the order they were told of; the last word counts.

    The caller's transaction holds the run's row, so no two writers lock items crosswise.
    """
    TaskItem.objects.bulk_create(
        [
            TaskItem(run_id=run_id, key=key, outcome=outcome, error=error, data=data, at=at)
            for key, (outcome, error, data, at) in items.items()
        ],
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["run", "key"],
        update_fields=["outcome", "error", "data", "at"],
    )


def copy_failed(source: UUID, target: UUID) -> int:
    """Put what failed in run `source` into the ledger of `target`, frozen as it is now. Returns how many items."""
    rows = _failed(source).values_list("key", "error", "data").iterator(chunk_size=BATCH)
    copies = (
        TaskItem(run_id=target, key=key, outcome=TaskItem.Outcome.FAILED, error=error, data=data)
        for key, error, data in rows
    )
    return len(TaskItem.objects.bulk_create(copies, batch_size=BATCH))


def page_of(run_id: UUID, *, outcome: str = "", after: int = 0, limit: int) -> Sequence[TaskItem]:
    """At most `limit` items behind the one with id `after`, those that ended as `outcome` if it is given."""
    items = TaskItem.objects.filter(run=run_id, pk__gt=after).order_by("pk")
    return list((items.filter(outcome=outcome) if outcome else items)[:limit])


def counts_of(run_id: UUID) -> dict[str, int]:
    """How many items ended how: `{"done": n, "failed": n}`."""
    counts: dict[str, int] = TaskItem.objects.filter(run=run_id).aggregate(
        **{outcome.value: Count("pk", filter=Q(outcome=outcome)) for outcome in TaskItem.Outcome}
    )
    return counts


def has_failed_items(run: TaskRun) -> bool:
    """Is there anything that could be retried alone?"""
    return _failed(run.pk).exists()


def _failed(run_id: UUID) -> Any:
    return TaskItem.objects.filter(run=run_id, outcome=TaskItem.Outcome.FAILED).order_by("pk")


def _key(key: object) -> str:
    text = fit(key, MAX_KEY + 1)
    if not text or len(text) > MAX_KEY:
        raise ValueError(f"An item's key has 1 to {MAX_KEY} characters, not {len(str(key))}.")
    return text

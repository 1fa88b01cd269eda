"""The item ledger: what a run was given to do, and how each item ended; for people, files, and "retry what failed"."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q

from .models import TaskItem, TaskRun
from .text import fit, mask_secrets, storable

if TYPE_CHECKING:
    from .reporting import Item, Reporter

ONLY_FAILED = "only_failed_items"  # in a run's metadata: it does only what its ledger called failed at its start
LISTED = "listed_items"  # in a run's metadata: it was given so many items before it started
MAX_KEY = 500
MAX_LABEL = 30
MAX_DATA = 20_000  # characters of JSON that are remembered of one item
BATCH = 2000


class Items:
    """`context.items`: say how each item ended. Safe from any thread; stored with progress, five times a second."""

    def __init__(self, run: TaskRun, reporter: "Reporter") -> None:
        self._run = run
        self._reporter = reporter
        self.only = only_of(run)
        """The keys to do, when somebody asked to retry what failed; None when all are to be done."""

    def left(self) -> list[tuple[str, Any]]:
        """Key and `given` of what this run was given to do (manager.create_task_of_items) and has not done, in order.

        The next attempt is told only what this one has left. Database work: from a coroutine, in a thread.
        """
        waiting = TaskItem.objects.filter(run=self._run.pk, outcome=TaskItem.Outcome.WAITING)
        return list(waiting.order_by("pk").values_list("key", "given"))

    def done(self, key: object, data: Any = None, *, label: str = "") -> None:
        """Item `key` is done. `data` (JSON): what to remember of it; `label`: how it ended, see ItemStyle."""
        self._reporter.add_item(_key(key), TaskItem.Outcome.DONE, label=_label(label), data=_data(data))

    def failed(self, key: object, error: object, data: Any = None, *, label: str = "") -> None:
        """Item `key` failed, and why: words or the exception. The run goes on."""
        words = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else str(error)
        words = fit(mask_secrets(words), 1000)
        self._reporter.add_item(_key(key), TaskItem.Outcome.FAILED, label=_label(label), error=words, data=_data(data))


def only_of(run: TaskRun) -> list[str] | None:
    """The keys that `run` is limited to; None for a run that does everything."""
    if ONLY_FAILED not in run.metadata:
        return None
    return list(_failed(run.pk).values_list("key", flat=True))


def add_list(run_id: UUID, items: Iterable[tuple[str, Any]]) -> int:
    """Give a run that has not started what it is to do: key and `given` (JSON or None) of each. Says how many.

    In the transaction that makes the run: either both exist, or neither.
    """
    keys, givens = [], []
    for key, given in items:
        keys.append(_key(key))
        givens.append(None if given is None else json.dumps(_data(given)))
    with connection.cursor() as cursor:
        # One statement, and one moment for all of them: their order is that of the list.
        cursor.execute(
            "INSERT INTO task_items (run_id, key, given, outcome, label, error, at)"
            " SELECT %s, listed.key, listed.given::jsonb, 'waiting', '', '', now()"
            " FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS listed (key, given, place) ORDER BY place",
            [run_id, keys, givens],
        )
    return len(keys)


def store_items(run_id: UUID, items: Mapping[str, "Item"]) -> None:
    """Keep how items ended: one row each, in the order they were told of; the last word counts.

    The caller's transaction holds the run's row, so no two writers lock items crosswise.
    """
    TaskItem.objects.bulk_create(
        [
            TaskItem(run_id=run_id, key=key, outcome=outcome, label=label, error=error, data=data, at=at)
            for key, (outcome, label, error, data, at) in items.items()
        ],
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["run", "key"],
        update_fields=["outcome", "label", "error", "data", "at"],
    )


def copy_failed(source: UUID, target: UUID) -> int:
    """Put what failed in run `source` into the ledger of `target`, frozen as it is now. Returns how many items."""
    return _copy(source, target, "key, given, outcome, label, error, data, at", "outcome = 'failed'")


def copy_list(source: UUID, target: UUID, *, only_failed: bool) -> int:
    """Give `target` what `source` was given, but for what is done, which is done there as well; or what failed alone.

    Returns how many items `target` has.
    """
    to_do = "key, given, 'waiting', '', '', NULL, now()"
    if only_failed:
        return _copy(source, target, to_do, "outcome = 'failed'")
    kept = ", ".join(
        f"CASE WHEN outcome = 'done' THEN {column} ELSE {fresh} END"
        for column, fresh in {
            "outcome": "'waiting'",
            "label": "''",
            "error": "''",
            "data": "NULL",
            "at": "now()",
        }.items()
    )
    return _copy(source, target, f"key, given, {kept}", "true")


def _copy(source: UUID, target: UUID, columns: str, condition: str) -> int:
    """Thousands of items in one statement: somebody waits for the answer."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO task_items (run_id, key, given, outcome, label, error, data, at)"  # noqa: S608 - words of ours
            f" SELECT %s, {columns} FROM task_items WHERE run_id = %s AND {condition} ORDER BY id",
            [target, source],
        )
        return cursor.rowcount


def page_of(run_id: UUID, *, show: str = "", after: int = 0, limit: int) -> Sequence[TaskItem]:
    """At most `limit` items behind the one with id `after`, in the order they were given or first told of.

    `show`: those of an outcome, or of a label, alone.
    """
    items = TaskItem.objects.filter(run=run_id, pk__gt=after).order_by("pk")
    return list(_shown(items, show)[:limit])


def latest_of(run_id: UUID, *, show: str = "", behind: tuple[datetime, int] | None, limit: int) -> Sequence[TaskItem]:
    """At most `limit` items, what ended last first, from behind the place (`at`, id) on; what waits comes last."""
    items = TaskItem.objects.filter(run=run_id).order_by("-at", "pk")
    if behind is not None:
        at, pk = behind
        items = items.filter(at__lte=at).filter(Q(at__lt=at) | Q(pk__gt=pk))
    return list(_shown(items, show)[:limit])


def remembered(run_id: UUID) -> Iterator[tuple[str, Any]]:
    """Key and data of every item that has ended, in order."""
    ended = TaskItem.objects.filter(run=run_id).exclude(outcome=TaskItem.Outcome.WAITING)
    return ended.order_by("pk").values_list("key", "data").iterator(chunk_size=BATCH)


def counts_of(run_id: UUID) -> dict[str, int]:
    """How many items ended how: `{"done": n, "failed": n}`."""
    counts = all_counts_of(run_id)
    return {outcome.value: counts[outcome] for outcome in (TaskItem.Outcome.DONE, TaskItem.Outcome.FAILED)}


def all_counts_of(run_id: UUID) -> dict[str, int]:
    """The same, and how many have not ended: `{"waiting": n, "done": n, "failed": n}`."""
    counts = dict.fromkeys(TaskItem.Outcome.values, 0)
    for (outcome, _label), number in numbers_of(run_id).items():
        counts[outcome] += number
    return counts


def numbers_of(run_id: UUID) -> Counter[tuple[str, str]]:
    """How many items ended how, by outcome and label."""
    rows = TaskItem.objects.filter(run=run_id).order_by().values_list("outcome", "label").annotate(Count("pk"))
    return Counter({(outcome, label): number for outcome, label, number in rows})


def has_failed_items(run: TaskRun) -> bool:
    """Is there anything that could be retried alone?"""
    return _failed(run.pk).exists()


def _failed(run_id: UUID) -> Any:
    return TaskItem.objects.filter(run=run_id, outcome=TaskItem.Outcome.FAILED).order_by("pk")


def _shown(items: Any, show: str) -> Any:
    if not show:
        return items
    return items.filter(outcome=show) if show in TaskItem.Outcome.values else items.filter(label=show)


def _key(key: object) -> str:
    text = fit(key, MAX_KEY + 1)
    if not text or len(text) > MAX_KEY:
        raise ValueError(f"An item's key has 1 to {MAX_KEY} characters, not {len(str(key))}.")
    return text


def _label(label: str) -> str:
    if len(label) > MAX_LABEL or label in TaskItem.Outcome.values:
        raise ValueError(f"{label!r} is no label: {MAX_LABEL} characters at most, and none of the outcomes' own words.")
    return label


def _data(data: Any) -> Any:
    if data is None:
        return None
    data = storable(data)
    if (size := len(json.dumps(data))) > MAX_DATA:
        raise ValueError(f"Of an item {MAX_DATA:,} characters of JSON are kept at most; this one has {size:,}.")
    return data

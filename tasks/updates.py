"""A run's frames, and sending them. News, not fact: whoever misses a frame reads the row."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import F

from live import frames
from live.publishing import publish_on_commit

from .eta import eta_seconds
from .groups import groups_of
from .lines import running_now
from .models import TaskEvent, TaskRun
from .redaction import redact
from .states import Status

LONGEST_LINE = 1000  # beyond this nobody is told their place


# What a frame is made of, and where a waiting run stands in line. A row has four times as many columns.
FRAME_COLUMNS = (
    *("pk", "name", "status", "seq", "queue", "progress", "processed_items", "total_items", "stage", "message"),
    *("current_item", "started_at", "cancel_requested_at", "result", "error"),
)


def frames_of(runs: Sequence[TaskRun]) -> list[frames.Frame]:
    """The frame of each run, and for those that wait their place in line: one query for all of them."""
    places = places_in_line({run.queue for run in runs if run.status == Status.PENDING})
    return [frame_of(run, position=places.get(run.pk)) for run in runs]


def frame_of(run: TaskRun, *, position: int | None = None) -> frames.Frame:
    """The frame that says where `run` stands now. Shapes: docs/frames.md."""
    match run.status:
        case Status.PENDING:
            return _frame(run, "pending", {"position": position, "message": run.message})
        case Status.COMPLETED:
            return _frame(run, "completed", {"progress": 100, "results": redact(run.result), **_counts(run)})
        case Status.FAILED:
            return _frame(run, "error", {"error": run.error, **_counts(run)})
        case Status.CANCELLED:
            return _frame(run, "cancelled", {"message": run.error, **_counts(run)})
    if run.is_cancelling:
        return _frame(run, "cancelling", {"message": "Cancelling…", **_counts(run)})
    return _frame(run, "progress", progress_of(run))


def progress_of(run: TaskRun) -> dict[str, Any]:
    """The keys of a `progress` frame."""
    return {
        "progress": round(run.progress, 1),
        "processed": run.processed_items,
        "total": run.total_items,
        "stage": run.stage,
        "message": run.message,
        "current_item": run.current_item,
        "eta_seconds": eta_seconds(run),
    }


def places_in_line(queues: Collection[str], busy: Mapping[int | None, int] | None = None) -> dict[UUID, int]:
    """For every run that waits in one of `queues`: 1 for the one that starts next, 2 for the one after it, …

    As the fetch sees it (lanes.py): by priority, then by turns between owners, then by age. `busy`: how many runs of
    each owner are running, if that is known.
    """
    if not queues:
        return {}
    line = TaskRun.objects.filter(queue__in=queues).in_line()
    waiting: Any = line.values_list("pk", "queue", "owner_id", "priority", F("place"))[:LONGEST_LINE]
    busy = running_now().of_owner if busy is None else busy
    places: dict[UUID, int] = {}
    reached: Counter[str] = Counter()
    # Sorting keeps what is equal in its order, which is by age.
    for pk, queue, *_ in sorted(waiting, key=lambda run: (-run[3], run[4] + busy.get(run[2], 0))):
        reached[queue] += 1
        places[pk] = reached[queue]
    return places


def send_progress_update(run: TaskRun) -> None:
    """Tell the watchers of `run` where it stands. Coalesced at the source, see progress.py."""
    publish_on_commit(groups_of(run), frame_of(run))


def send_batch_update(run: TaskRun, event: TaskEvent) -> None:
    """Tell the watchers of `run` that a batch is done: `event.data` has batch_completed, total_batches, results."""
    publish_on_commit(groups_of(run), frame_of_event(run, event))


def send_log_update(run: TaskRun, event: TaskEvent, *, skipped: int = 0) -> None:
    """Tell the watchers of `run` what it logged: `event.data` has level and message.

    `skipped`: so many lines before it are stored and not sent.
    """
    frame = frame_of_event(run, event)
    publish_on_commit(groups_of(run), frame | {"skipped": skipped} if skipped else frame)


def send_completion_update(run: TaskRun) -> None:
    """Tell the watchers of `run` that it completed, with its results."""
    send_progress_update(run)


def send_error_update(run: TaskRun) -> None:
    """Tell the watchers of `run` that it failed, and why."""
    send_progress_update(run)


def recorded(run: TaskRun, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """What the event of a batch or log line keeps: of a batch also where the run stood, for replays."""
    return {**progress_of(run), **data} if kind == TaskEvent.Kind.BATCH else dict(data)


def frame_of_event(run: TaskRun, event: TaskEvent) -> frames.Frame:
    """The frame of a recorded batch or log line, as it was sent when it happened."""
    if event.kind == TaskEvent.Kind.BATCH:
        payload = {**progress_of(run), **redact(event.data)}
        return frames.job_update(run.pk, seq=event.seq, status="batch_update", payload=payload, at=event.at)
    payload = {"level": "info", "message": "", **event.data}
    return frames.job_update(run.pk, seq=event.seq, status="log", payload=payload, at=event.at)


def _frame(run: TaskRun, status: str, payload: Mapping[str, Any]) -> frames.Frame:
    return frames.job_update(run.pk, seq=run.seq, status=status, payload={"name": run.name, **payload})


def _counts(run: TaskRun) -> dict[str, Any]:
    return {"processed": run.processed_items, "total": run.total_items}

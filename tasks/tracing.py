"""The spans of a run: that it was enqueued, and each attempt; one trace over processes and attempts.

What leads from the one to the other stands in the run's row, among its metadata, so it outlives whoever enqueued it,
and whoever tried first.
"""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from live import tracing

if TYPE_CHECKING:
    from .models import TaskRun
    from .new_run import NewRun


def enqueueing(new: "NewRun", *, number: int = 1) -> AbstractContextManager[tracing.Span]:
    """Around storing a run, or so many of them: their attempts will go back to it."""
    many: dict[str, Any] = {} if number == 1 else {"messaging__batch__message_count": number}
    return tracing.span(
        f"enqueue {new.task}",
        kind="producer",
        messaging__system="statusproj",
        messaging__operation__type="send",
        messaging__destination__name=new.queue,
        **many,
    )


def executing(run: "TaskRun") -> AbstractContextManager[tracing.Span]:
    """Around one attempt of `run`: a child of what enqueued it."""
    return tracing.span(
        f"run {run.task}",
        kind="consumer",
        parent=run.metadata,
        messaging__system="statusproj",
        messaging__operation__type="process",
        messaging__destination__name=run.queue,
        messaging__message__id=str(run.pk),
        statusproj__attempt=run.attempt,
        statusproj__worker=run.worker,
    )

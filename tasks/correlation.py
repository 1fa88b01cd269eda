"""Which request and which run this code works for: context variables that log lines, and runs enqueued here, carry.

They follow coroutines, `sync_to_async`, our own threads and child processes. A run that is enqueued while a request is
served, or by a run that such a request had enqueued, notes the request's id among its metadata.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from live import tracing

if TYPE_CHECKING:
    from .models import TaskRun

KEY = "request_id"  # in a run's metadata
FOR_STAFF = {KEY} | tracing.KEYS  # what leads to logs and traces, which nobody else has

_request: ContextVar[str] = ContextVar("request_id", default="")
_run: ContextVar[str] = ContextVar("run_id", default="")
_of_process: dict[str, str] = {}  # in a child process, whose threads all work for one run


def request_id() -> str:
    """The request that this serves, or that its run goes back to; empty for none."""
    return _request.get() or _of_process.get("request", "")


def run_id() -> str:
    """The run that is executed here; empty for none."""
    return _run.get() or _of_process.get("run", "")


@contextmanager
def serving(request: str) -> Iterator[None]:
    """Inside, what happens is for this request."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


def executing(run: "TaskRun", *, whole_process: bool = False) -> None:
    """From now on, in this context, what happens is for this run, and for the request it goes back to."""
    request = str(run.metadata.get(KEY, ""))
    if whole_process:
        _of_process.update(request=request, run=str(run.pk))
    else:
        _request.set(request)
        _run.set(str(run.pk))


def noted(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """The metadata of a new run: what it was given, and the request and the span that asked for it, if one did."""
    found = request_id()
    return {**(metadata or {}), **({KEY: found} if found else {}), **tracing.carrier()}

"""Making runs that stand where a test needs them."""

from typing import Any

from django.contrib.auth.models import User

from tasks import lifecycle
from tasks.models import TaskRun
from tasks.states import Status

ADD = "tests.tasks.functions.add"


def make_run(owner: User | None = None, **fields: Any) -> TaskRun:
    """A waiting run of `add(1, 2)`."""
    defaults: dict[str, Any] = {"task": ADD, "name": "Add", "args": [1, 2], "kwargs": {}}
    return lifecycle.create(lifecycle.NewRun(**{**defaults, "owner_id": owner.pk if owner else None, **fields}))


def make_run_in(status: str, owner: User | None = None, **fields: Any) -> TaskRun:
    """A run that has come to `status` by the arrows that lead there."""
    run = make_run(owner, **fields)
    if status == Status.PENDING:
        return run
    if status == Status.CANCELLED:
        return lifecycle.cancel(run)
    claimed = lifecycle.claim(run.pk, run.attempt, worker="host:1:1")
    assert claimed is not None
    match status:
        case Status.COMPLETED:
            return lifecycle.complete(claimed, 3)
        case Status.FAILED:
            return lifecycle.fail(claimed, "no luck", exception_class="builtins.ValueError", traceback="…")
    return claimed

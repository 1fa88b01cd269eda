"""What an attempt leaves for the next one: `context.checkpoint`."""

import json
from typing import TYPE_CHECKING, Any

from django.db import transaction

from .db import in_thread
from .exceptions import RunStopped
from .ledger import store_items
from .models import TaskRun
from .states import Status
from .text import storable

if TYPE_CHECKING:
    from .reporting import Reporter

MAX_BYTES = 1_048_576


class Checkpoint:
    """Where the work stands, as JSON of the function's own making. `value` is None until something was saved."""

    def __init__(self, run: TaskRun, reporter: "Reporter") -> None:
        self._run = run
        self._reporter = reporter
        self.value: Any = run.checkpoint

    def save(self, value: Any) -> None:
        """Keep `value` for the next attempt; stored when this returns, with all that `items` were told before.

        Inside `transaction.atomic()` it belongs to that transaction: work and checkpoint are kept together or not at
        all, so make it the last thing there. Raises RunStopped when the run was told to stop (stored all the same) or
        is another worker's, TypeError or ValueError for what is no JSON or takes more than a megabyte.
        """
        value = self._checked(value)
        self._write(value)
        self.value = value
        self._reporter.raise_if_stopped()

    async def asave(self, value: Any) -> None:
        """The same from a coroutine; always a transaction of its own."""
        value = self._checked(value)
        await in_thread(self._write, value)
        self.value = value
        self._reporter.raise_if_stopped()

    def _checked(self, value: Any) -> Any:
        value = storable(value)
        size = len(json.dumps(value))
        if size > MAX_BYTES:
            raise ValueError(f"A checkpoint takes {MAX_BYTES:,} bytes at most; this one has {size:,}.")
        return value

    def _write(self, value: Any) -> None:
        items = self._reporter.take_items()
        try:
            with transaction.atomic():
                mine = TaskRun.objects.filter(pk=self._run.pk, attempt=self._run.attempt, status=Status.RUNNING)
                if not mine.update(checkpoint=value):
                    raise RunStopped("the run has ended, or belongs to another worker now")
                store_items(self._run.pk, items)
        except BaseException:
            self._reporter.give_back_items(items)
            raise

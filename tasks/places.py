"""The places of a concurrency key: at most so many of its runs run at once, on all workers together.

A place is nothing but a running run. It is taken under a lock of the key, and who waits is woken when it is free again.
"""

from collections.abc import Iterable, Mapping

from django.db import connection
from django.db.models import Count

from . import tickets
from .exceptions import NoPlaceFree
from .models import TaskRun
from .states import Status

LOCK = 0x706C6163  # "plac": tells our advisory locks from those of others


def take(run: TaskRun) -> None:
    """Count the others of the key of `run`, which moved to RUNNING in this transaction. Raises NoPlaceFree."""
    if run.concurrency_limit is None:
        return
    with connection.cursor() as cursor:
        # Until we commit, nobody else counts: whoever comes next sees us.
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK, run.concurrency_key])
    taken = taken_of([run.concurrency_key]).get(run.concurrency_key, 0)  # ours among them
    if taken > run.concurrency_limit:
        raise NoPlaceFree(run.concurrency_key)


def free(run: TaskRun) -> None:
    """Wake the workers, once this transaction commits, for those that wait for the place of `run`."""
    if run.concurrency_limit is not None:
        tickets.wake()


def full_keys(runs: Iterable[TaskRun], taken: Mapping[str, int] | None = None) -> dict[str, int]:
    """The concurrency keys for which some of `runs` wait although a worker may be free, and how many run of each.

    Nothing is asked when none of them waits for a key, or when it is known how many are `taken`.
    """
    limits = {
        run.concurrency_key: run.concurrency_limit
        for run in runs
        if run.status == Status.PENDING and run.concurrency_limit is not None
    }
    if not limits:
        return {}
    taken = taken_of(limits) if taken is None else taken
    return {key: number for key, limit in limits.items() if (number := taken.get(key, 0)) >= limit}


def taken_of(keys: Iterable[str]) -> dict[str, int]:
    """How many runs of each of `keys` are running; those of which none is are left out."""
    running = TaskRun.objects.filter(status=Status.RUNNING, concurrency_key__in=list(keys)).exclude(concurrency_key="")
    return dict(running.order_by().values_list("concurrency_key").annotate(number=Count("pk")))

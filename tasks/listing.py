"""The runs that match a filter, in order, at a cost that does not grow with the table.

Walking the list from its new end finds a frequent word soon and a rare one never; the index of words finds a rare one
at once, and of a frequent one more than anybody wants. Postgres cannot tell the two apart (it takes the beginning of a
word for frequent), so both are tried: first the newest runs one by one, then the rest by the index.
See docs/decisions/search.md.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, Q, Value

from live import cursors
from live.moments import in_utc

from .filters import Filters
from .models import TaskRun, TaskRunQuerySet

LOOKED_THROUGH = 1_000  # runs that are read one by one before the index of words is asked

type Position = tuple[datetime, UUID]


def newest(runs: TaskRunQuerySet, filters: Filters, *, limit: int, after: Position | None = None) -> list[TaskRun]:
    """The newest `limit` of `runs` that match, newest first, from behind the position `after` on."""
    runs = runs.order_by("-created_at", "-pk")
    if after is not None:
        runs = runs.older_than(*after)
    if filters.wrong or not filters.has_words:
        return list(filters.apply(runs)[:limit])
    # Where what is looked through ends.
    edges = list(filters.apply_range(runs).values_list("created_at", "pk")[LOOKED_THROUGH : LOOKED_THROUGH + 1])
    if not edges:
        return list(filters.apply(runs, by_index=False)[:limit])
    [edge] = edges
    found = list(filters.apply(_not_behind(runs, edge), by_index=False)[:limit])
    if len(found) < limit:
        rest = by_words(runs.older_than(*edge), filters).order_by(_UNINDEXED.desc(), "-pk")
        with transaction.atomic(), connection.cursor() as cursor:
            # With less, a frequent word's matches are kept as pages, and every run on them is read word by word.
            cursor.execute("SET LOCAL work_mem = '64MB'")
            found += rest[: limit - len(found)]
    return found


def oldest(runs: TaskRunQuerySet, filters: Filters) -> TaskRunQuerySet:
    """All of `runs` that match, oldest first."""
    if filters.has_words:
        return by_words(runs, filters).order_by(_UNINDEXED.asc(), "pk")
    return filters.apply(runs).order_by("created_at", "pk")


def by_words(runs: TaskRunQuerySet, filters: Filters) -> TaskRunQuerySet:
    """The runs that match, with all that the index of words can know of them."""
    return filters.apply(filters.apply_words(runs))


def _not_behind(runs: TaskRunQuerySet, position: Position) -> TaskRunQuerySet:
    created_at, key = position
    return runs.filter(created_at__gte=created_at).filter(Q(created_at__gt=created_at) | Q(pk__gte=key))


# Sorts like created_at, but is the order of no index: with it the planner does not walk the list to find a few.
_UNINDEXED = ExpressionWrapper(
    F("created_at") + Value(timedelta(), output_field=DurationField()), output_field=DateTimeField()
)


def cursor_of(run: TaskRun) -> str:
    """Where the page after `run` begins, as a text for addresses."""
    return cursors.encode(run.created_at.isoformat(), run.pk)


def position_of(cursor: str) -> Position:
    """What `cursor_of` said. Raises ValueError for anything else."""
    moment, key = cursors.decode(cursor)
    return in_utc(datetime.fromisoformat(moment)), UUID(key)

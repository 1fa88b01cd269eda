"""When each source is read: the clock's part.

Every worker calls `start_due` every few seconds (setting TASKS_CLOCKS). A source is read every so many minutes, by its
own setting or its topic's, plus or minus a tenth. What is due in one topic, or within a tenth of its interval, is read
by one run: 200 feeds are not 200 runs. The topic's row is locked while its run and the next due times are written, in
one transaction, so N workers start one; and however long nobody looked, what is due is read once.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Min, Q, QuerySet
from django.db.models.functions import Coalesce

from ingest.jobs import start_collecting
from ingest.models import Source, Topic
from tasks.db import database_now
from tasks.exceptions import AlreadyRunning

TOPICS = 20  # collections started in one look: the line of runs is to stay short
JITTER = 0.1
BUSY = timedelta(minutes=2)  # how long a topic is left alone that is being collected already


def start_due(now: datetime | None = None) -> int:
    """Start a collection for each topic that has sources due. Returns how many were started. Safe to call anywhere,
    at any time, by anybody.
    """
    moment = now or database_now()
    return sum(_start(topic_id, moment) for topic_id in topics_due(moment)[:TOPICS])


def topics_due(now: datetime) -> QuerySet[Source, int]:
    """The ids of the topics that have a source to read, the longest due first; none of those whose owner turned
    auto-processing off.

    Reads the index ingest_source_due from both its ends: a time that has passed, and no time yet.
    """
    return (
        Source.objects.filter(Q(due_at=None) | Q(due_at__lte=now), is_paused=False)
        .filter(Q(next_check_at=None) | Q(next_check_at__lte=now))
        .annotate(rhythm=Coalesce("every", "topic__collect_every"))
        .filter(rhythm__isnull=False, topic__owner__is_active=True)
        .exclude(topic__owner__collect_preferences__auto_processing=False)
        .values("topic_id")
        .annotate(since=Min("due_at"))
        .order_by(F("since").asc(nulls_first=True), "topic_id")
        .values_list("topic_id", flat=True)
    )


def next_due(now: datetime, every: int, luck: float) -> datetime:
    """When a source that is read at `now` is due again, `every` so many minutes. `luck` is from 0 to 1."""
    return now + timedelta(minutes=every) * (1 + JITTER * (2 * luck - 1))


def is_due(source: Source, every: int, now: datetime) -> bool:
    """Is `source` to be read at `now`, or so soon that it is better read along?"""
    if source.next_check_at is not None and source.next_check_at > now:
        return False
    return source.due_at is None or source.due_at <= now + timedelta(minutes=every) * JITTER


def _start(topic_id: int, now: datetime) -> bool:
    with transaction.atomic():
        locked = Topic.objects.select_for_update(of=["self"], skip_locked=True).select_related("owner")
        topic = locked.filter(pk=topic_id).first()
        if topic is None:
            return False  # another worker starts it, or has started it
        due = _due_sources(topic, now)
        # Somebody else was faster, and what is left is merely soon.
        if not any(source.due_at is None or source.due_at <= now for source, _every in due):
            return False
        try:
            start_collecting(
                topic.owner, topic, sources=[source.pk for source, _every in due], metadata={"schedule": "sources"}
            )
        except AlreadyRunning:
            Source.objects.filter(pk__in=[source.pk for source, _every in due]).update(due_at=now + BUSY)
            return False
        _set_next(due, now)
    return True


def _due_sources(topic: Topic, now: datetime) -> list[tuple[Source, int]]:
    """The sources to read now, each with the minutes between two readings."""
    rows = topic.sources.filter(is_paused=False).only("topic_id", "every", "due_at", "next_check_at")
    timed = [(source, source.every or topic.collect_every) for source in rows]
    return [(source, every) for source, every in timed if every is not None and is_due(source, every, now)]


def _set_next(due: Sequence[tuple[Source, int]], now: datetime) -> None:
    # One draw for all: sources of one rhythm stay together, and topics drift apart.
    luck = random.random()  # noqa: S311 - spreads load, protects nothing
    for every in {every for _source, every in due}:
        ids = [source.pk for source, one in due if one == every]
        Source.objects.filter(pk__in=ids).update(due_at=next_due(now, every, luck))


def forget_due(sources: Sequence[int]) -> None:
    """Let sources whose rhythm was changed be read at the next opportunity."""
    Source.objects.filter(pk__in=sources).exclude(due_at=None).update(due_at=None)

"""Sources that the clock reads."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ingest.demo_site import DemoSite
from ingest.jobs import start_collecting
from ingest.models import CollectPreferences, Source, Topic
from ingest.sources.schedule import BUSY, JITTER, next_due, start_due, topics_due
from tasks import lifecycle
from tasks.db import database_now
from tasks.models import TaskRun
from tests.racing import race
from tests.waiting import eventually
from tests.workers import WorkerThread

MINUTE = timedelta(minutes=1)


@pytest.fixture
def hourly(engine_tables: None, topic: Topic) -> Topic:
    """A topic that is read once an hour."""
    topic.collect_every = 60
    topic.save(update_fields=["collect_every"])
    return topic


@pytest.fixture
def now(db: None) -> datetime:
    """One moment for the whole test."""
    return database_now()


def add(topic: Topic, name: str = "a", **values: object) -> Source:
    return topic.sources.create(url=f"https://news.example/{name}.xml", **values)


def read_by(run: TaskRun) -> set[int]:
    return set(run.kwargs["sources"])


def test_a_new_source_is_read_at_the_next_opportunity_and_then_in_its_rhythm(
    hourly: Topic, owner: User, now: datetime
) -> None:
    source = add(hourly)
    assert start_due(now) == 1
    run = TaskRun.objects.get()
    assert (run.owner, run.topic, read_by(run)) == (owner, hourly.channel, {source.pk})
    assert run.metadata["schedule"] == "sources"
    source.refresh_from_db()
    assert source.due_at is not None
    assert 54 * MINUTE <= source.due_at - now <= 66 * MINUTE
    lifecycle.cancel(run)
    assert start_due(now + 53 * MINUTE) == 0
    assert start_due(now + 67 * MINUTE) == 1


def test_a_source_has_a_rhythm_of_its_own_and_only_what_is_due_is_read(hourly: Topic, now: datetime) -> None:
    often = add(hourly, "often", every=10, due_at=now - MINUTE)
    add(hourly, "seldom", every=1440, due_at=now + timedelta(hours=5))
    add(hourly, "as the topic says", due_at=now + 30 * MINUTE)
    soon = add(hourly, "soon", due_at=now + 5 * MINUTE)
    assert start_due(now) == 1
    assert read_by(TaskRun.objects.get()) == {often.pk, soon.pk}, "what is nearly due is read along"


def test_nothing_is_read_that_nobody_wants_read(hourly: Topic, stranger: User, now: datetime) -> None:
    add(hourly, "paused", is_paused=True)
    add(hourly, "backing off", next_check_at=now + MINUTE)
    add(hourly, "not due", due_at=now + 30 * MINUTE)
    quiet = Topic.objects.create(owner=stranger, name="Never by itself")
    add(quiet)
    assert start_due(now) == 0
    Source.objects.filter(topic=quiet).update(every=60)
    CollectPreferences.objects.create(owner=stranger, auto_processing=False)
    assert start_due(now) == 0
    CollectPreferences.objects.update(auto_processing=True)
    User.objects.filter(pk=stranger.pk).update(is_active=False)
    assert start_due(now) == 0
    User.objects.filter(pk=stranger.pk).update(is_active=True)
    assert start_due(now) == 1


def test_many_workers_that_look_together_start_one_run(hourly: Topic, now: datetime) -> None:
    source = add(hourly)
    for _ in range(5):
        assert sorted(race(*[start_due] * 6)) == [0, 0, 0, 0, 0, 1]
        lifecycle.cancel(TaskRun.objects.get(status="pending"))
        Source.objects.filter(pk=source.pk).update(due_at=now - MINUTE)
    assert TaskRun.objects.count() == 5


def test_after_downtime_each_source_is_read_once(hourly: Topic, now: datetime) -> None:
    source = add(hourly, due_at=now - timedelta(days=3))
    assert start_due(now) == 1
    assert start_due(now) == 0
    source.refresh_from_db()
    assert source.due_at is not None and source.due_at > now


def test_a_topic_that_is_being_collected_is_left_alone_and_not_forgotten(
    hourly: Topic, owner: User, now: datetime
) -> None:
    add(hourly)
    by_hand = start_collecting(owner, hourly)
    assert start_due(now) == 0
    assert str(TaskRun.objects.get().pk) == by_hand.id
    lifecycle.cancel(TaskRun.objects.get())
    assert start_due(now) == 0
    assert start_due(now + BUSY) == 1


def test_the_jitter_is_a_tenth_either_way() -> None:
    at = datetime.fromisoformat("2026-01-01T00:00:00Z")
    assert [next_due(at, 100, luck) - at for luck in (0, 0.5, 1)] == [90 * MINUTE, 100 * MINUTE, 110 * MINUTE]
    assert JITTER == 0.1


def test_a_real_worker_reads_what_is_due_and_that_alone(
    worker: WorkerThread, hourly: Topic, site: DemoSite, now: datetime
) -> None:
    first, second = site.feed_urls("travel")[:2]
    source = hourly.sources.create(url=first)
    other = hourly.sources.create(url=second, due_at=now + timedelta(hours=1))
    start_due()
    run = eventually(lambda: TaskRun.objects.final().first(), within=60, what="the collection ends")
    assert (run.status, run.error, run.result["sources"]["read"]) == ("completed", "", 1)
    source.refresh_from_db()
    other.refresh_from_db()
    assert source.last_checked_at is not None and other.last_checked_at is None
    assert set(hourly.articles.values_list("source", flat=True)) == {source.pk}


def test_looking_costs_one_query_however_many_sources_wait_for_later(hourly: Topic, now: datetime) -> None:
    later = (Source(topic=hourly, url=f"https://n.example/{n}", due_at=now + 60 * MINUTE) for n in range(10_000))
    Source.objects.bulk_create(later)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE ingest_source")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert start_due(now) == 0
    assert len(queries) == 1
    assert "ingest_source_due" in topics_due(now).explain()

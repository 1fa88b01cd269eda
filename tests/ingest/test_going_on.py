"""What a run that was interrupted does not do again, and what a retry of the failed does alone."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User

from ingest.collecting.notebook import key_of
from ingest.decisions import Decision
from ingest.demo_site import DemoSite, Pace, entries
from ingest.jobs import start_collecting
from ingest.models import Topic
from tasks import ledger, lifecycle
from tasks.ledger import MAX_KEY
from tasks.models import TaskRun
from tests.ingest.interrupting import done_by, interrupted
from tests.workers import WorkerThread

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]


@pytest.fixture
def site() -> Iterator[DemoSite]:
    """The demo site, slow enough to be interrupted."""
    with DemoSite(port=0, pace=Pace(latency=(0.1, 0.2), slow=0.2, drip=0.02)) as site:
        yield site


@pytest.fixture
def topic(topic: Topic, site: DemoSite) -> Topic:
    """The topic with the two travel feeds of the demo site."""
    for url in site.feed_urls("travel"):
        topic.sources.create(url=url)
    topic.keywords.create(phrase="tram line")
    return topic


def paths(urls: object) -> set[str]:
    """The paths of addresses: what the site keeps of requests."""
    return {urlsplit(str(url)).path for url in urls}  # type: ignore[attr-defined]


def test_an_interrupted_collection_fetches_neither_its_feeds_nor_what_it_has_decided_again(
    engine_tables: None, owner: User, topic: Topic, site: DemoSite
) -> None:
    run_id = start_collecting(owner, topic).id
    interrupted(run_id, 15)
    decided = topic.articles.exclude(decision=Decision.PENDING)
    known = paths(decided.values_list("url", flat=True)) | paths(topic.sources.values_list("url", flat=True))
    assert len(known) > 12
    # A kill may come between what is saved and its notes.
    latest = TaskRun.objects.get(pk=run_id).items.order_by("-pk").values("pk")[:5]
    assert TaskRun.objects.get(pk=run_id).items.filter(pk__in=latest).delete()[0] == 5
    site.requests.clear()

    run = done_by(run_id, WorkerThread().start())
    assert run.status == "completed", run.error
    assert site.requests
    assert not known & paths(site.requests)
    total = topic.articles.count()
    assert run.result["processed"] == run.result["found"] == total == run.total_items
    assert run.result["sources"] == {"read": 2, "unchanged": 0, "failed": 0, "waiting": 0}
    assert ledger.counts_of(run.pk) == {"done": total - 1, "failed": 1}


def test_an_interrupted_dry_run_knows_what_it_has_judged(
    engine_tables: None, owner: User, topic: Topic, site: DemoSite
) -> None:
    run_id = start_collecting(owner, topic, dry_run=True).id
    noted = interrupted(run_id, 15).items.values_list("key", flat=True)
    known = paths(noted)
    assert len(known) >= 15
    site.requests.clear()
    run = done_by(run_id, WorkerThread().start())
    assert run.status == "completed", run.error
    assert not known & paths(site.requests)
    assert run.result["processed"] == run.result["found"] == len(entries("travel", 1))
    assert not topic.articles.exists()


def test_retry_what_failed_reads_those_articles_alone(
    engine_tables: None, owner: User, topic: Topic, site: DemoSite
) -> None:
    first = done_by(start_collecting(owner, topic).id, WorkerThread().start())
    [failed] = first.items.filter(outcome="failed")
    assert failed.error
    decided = dict(topic.articles.exclude(url=failed.key).values_list("pk", "decided_at"))
    site.requests.clear()

    again = lifecycle.retry_failed_items(first, by=owner)
    run = done_by(str(again.pk), WorkerThread().start())
    assert run.status == "completed", run.error
    assert paths(site.requests) == paths([failed.key])
    assert (run.result["processed"], run.result["failures"]) == (1, {"not_found": 1})
    assert topic.articles.get(url=failed.key).run == run.pk
    assert dict(topic.articles.exclude(url=failed.key).values_list("pk", "decided_at")) == decided
    assert ledger.counts_of(run.pk) == {"done": 0, "failed": 1}

    # Saved by an attempt that was killed before it noted so: the next one notes it, and reads nothing.
    again = lifecycle.retry_failed_items(run, by=owner)
    topic.articles.filter(url=failed.key).update(run=again.pk, decision=Decision.APPROVED, failure="")
    site.requests.clear()
    run = done_by(str(again.pk), WorkerThread().start())
    assert run.status == "completed", run.error
    assert not site.requests
    assert ledger.counts_of(run.pk) == {"done": 1, "failed": 0}


def test_a_retry_of_an_old_collection_reads_the_feeds_anew(
    engine_tables: None, owner: User, topic: Topic, site: DemoSite
) -> None:
    run_id = start_collecting(owner, topic, limit=20).id
    lifecycle.cancel(interrupted(run_id, 3))
    site.requests.clear()
    again = lifecycle.retry(TaskRun.objects.get(pk=run_id), by=owner)
    run = done_by(str(again.pk), WorkerThread().start())
    assert run.status == "completed", run.error
    assert paths(topic.sources.values_list("url", flat=True)) <= paths(site.requests)


def test_a_ledger_calls_articles_by_addresses_that_fit_and_stay_apart() -> None:
    long = "https://news.example/" + "x" * 600
    assert key_of("https://news.example/1") == "https://news.example/1"
    assert len(key_of(long)) == MAX_KEY
    assert key_of(long) != key_of(f"{long}y")

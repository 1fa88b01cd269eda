"""A bulk analysis as a run: judged, saved or not, interrupted, cancelled, retried, exported."""

import csv
import json
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from ingest.decisions import Decision
from ingest.demo_site import DemoSite, Pace, entries
from ingest.duplicates.canonical import canonical_url
from ingest.jobs import start_bulk_analysis
from ingest.models import Topic
from notifications.models import Notification
from tasks import ledger, lifecycle
from tasks.models import TaskRun
from tests.ingest.interrupting import done_by, interrupted
from tests.waiting import eventually
from tests.workers import WorkerThread

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]


@pytest.fixture
def site() -> Iterator[DemoSite]:
    """The demo site, slow enough to be interrupted."""
    with DemoSite(port=0, pace=Pace(latency=(0.1, 0.2), slow=0.2, drip=0.02)) as site:
        yield site


@pytest.fixture
def urls(site: DemoSite) -> list[str]:
    """What the site has about travel."""
    return [site.entry_url(entry) for entry in entries("travel", 1)]


@pytest.fixture
def travel(topic: Topic) -> Topic:
    """A topic by whose rules some of that is relevant."""
    topic.keywords.create(phrase="tram line")
    return topic


def paths(urls: object) -> list[str]:
    """The paths of addresses: what the site keeps of requests."""
    return [urlsplit(str(url)).path for url in urls]  # type: ignore[attr-defined]


@pytest.mark.parametrize("save", [True, False])
def test_an_interrupted_analysis_neither_fetches_nor_decides_twice(
    engine_tables: None, owner: User, travel: Topic, site: DemoSite, urls: list[str], save: bool
) -> None:
    run_id = start_bulk_analysis(owner, urls, travel.name, save=save)
    waiting = interrupted(run_id, 15)
    decided = dict(waiting.items.exclude(outcome="waiting").values_list("key", "at"))
    assert len(decided) >= 10
    assert waiting.checkpoint is None, "what is done stands in the ledger alone"
    site.requests.clear()

    run = done_by(run_id, WorkerThread().start())
    assert run.status == "completed", run.error
    assert not set(paths(decided)) & set(paths(site.requests))
    assert len(paths(site.requests)) == len(set(paths(site.requests)))
    assert dict(run.items.filter(key__in=decided).values_list("key", "at")) == decided, "told once"
    assert run.result["processed"] == run.result["urls"] == run.total_items == len(urls)
    assert sum(run.result["decisions"].values()) == len(urls)
    assert run.result["failures"] == {"not_found": 1}
    assert "results" not in run.result
    assert travel.articles.count() == (len(urls) if save else 0)
    assert Notification.objects.filter(user=owner).count() == 1
    assert f"{len(urls)} articles analysed" in Notification.objects.get().message


def test_what_the_topic_knows_is_not_read_again_but_what_failed_is(
    engine_tables: None, owner: User, travel: Topic, site: DemoSite, urls: list[str]
) -> None:
    known, failed, waiting = urls[:3]
    for url, decision in ((known, "approved"), (failed, "failed"), (waiting, "pending")):
        travel.articles.create(
            url=url,
            canonical_url=canonical_url(url),
            title="Before",
            decision=decision,
            failure="timeout" if decision == "failed" else "",
            decided_at=None if decision == "pending" else timezone.now(),
        )
    run = done_by(start_bulk_analysis(owner, urls[:4], travel.name, save=True), WorkerThread().start())
    assert run.status == "completed", run.error
    assert sorted(paths(site.requests)) == sorted(paths(urls[1:4]))
    assert (run.result["known"], run.result["processed"]) == (1, 4)
    row = run.items.get(key=known)
    assert (row.outcome, row.label, row.data["known"]) == ("done", "approved", True)
    assert row.data["reason"].startswith("The topic had this article before.")
    assert travel.articles.get(url=failed).decision != "failed"


def test_cancel_keeps_what_was_decided_and_retry_goes_on_from_there(
    engine_tables: None, owner: User, travel: Topic, site: DemoSite, urls: list[str]
) -> None:
    run_id = start_bulk_analysis(owner, urls, travel.name, save=False)
    worker = WorkerThread().start()
    eventually(lambda: TaskRun.objects.filter(pk=run_id, processed_items__gte=10).exists(), within=60)
    lifecycle.cancel(TaskRun.objects.get(pk=run_id), by=owner)
    cancelled = done_by(run_id, worker)
    assert cancelled.status == "cancelled"
    done = set(cancelled.items.filter(outcome="done").values_list("key", flat=True))
    assert len(done) >= 5
    assert not Notification.objects.exists()
    site.requests.clear()

    again = lifecycle.retry(cancelled, by=owner)
    assert ledger.all_counts_of(again.pk) == {"waiting": len(urls) - len(done), "done": len(done), "failed": 0}
    run = done_by(again.pk, WorkerThread().start())
    assert run.status == "completed", run.error
    assert not set(paths(done)) & set(paths(site.requests))
    assert run.result["processed"] == run.result["urls"] == len(urls)


@pytest.mark.parametrize("save", [True, False])
def test_retry_what_failed_reads_those_addresses_alone(
    engine_tables: None, owner: User, travel: Topic, site: DemoSite, urls: list[str], save: bool
) -> None:
    missing = f"{site.url}/nothing/here?{'x' * 600}"
    started = start_bulk_analysis(owner, [*urls[:5], missing], travel.name, save=save)
    first = done_by(started, WorkerThread().start())
    [failed] = first.items.filter(outcome="failed")
    assert (failed.given, failed.data["failure"]) == ({"url": missing}, "not_found")
    site.requests.clear()
    again = lifecycle.retry_failed_items(first, by=owner)
    assert ledger.all_counts_of(again.pk) == {"waiting": 1, "done": 0, "failed": 0}
    run = done_by(again.pk, WorkerThread().start())
    assert run.status == "completed", run.error
    assert [path.partition("?")[0] for path in site.requests] == ["/nothing/here"]
    assert (run.result["processed"], run.result["failures"]) == (1, {"not_found": 1})


def test_keywords_judge_without_a_topic(engine_tables: None, owner: User, site: DemoSite, urls: list[str]) -> None:
    run_id = start_bulk_analysis(owner, urls[:6], "Anything", keywords=["the"], relevance_threshold=0.0)
    run = done_by(run_id, WorkerThread().start())
    assert run.status == "completed", run.error
    assert run.result["topic_id"] is None
    assert run.result["decisions"]["filtered_relevance"] == 0
    assert not Topic.objects.exists()


def test_rows_are_shown_filtered_and_exported_with_every_column(
    engine_tables: None,
    owner: User,
    stranger: User,
    travel: Topic,
    urls: list[str],
    client_of: Callable[[User], Client],
) -> None:
    run = done_by(start_bulk_analysis(owner, urls[:10], travel.name), WorkerThread().start())
    client = client_of(owner)
    root = f"/api/background-tasks/task/{run.pk}"
    lines = list(csv.DictReader(client.get(f"{root}/items.csv").getvalue().decode().splitlines()))
    assert list(lines[0]) == [
        *("url", "outcome", "decision", "failure", "relevance", "quality", "language", "title", "reason", "at")
    ]
    assert [line["url"] for line in lines] == urls[:10]
    rows = json.loads(client.get(f"{root}/items.json").getvalue())
    assert [(row["url"], row["decision"]) for row in rows] == [(line["url"], line["decision"]) for line in lines]
    decided = {row["decision"] for row in rows}
    assert decided <= set(Decision.values)
    one = next(row for row in rows if row["decision"] != "failed")
    assert one["title"]
    assert one["reason"]
    assert one["language"] == "en"
    label = one["decision"]
    alone = json.loads(client.get(f"{root}/items.json", {"label": label}).getvalue())
    assert {row["decision"] for row in alone} == {label}
    page = client.get(run.get_absolute_url(), {"items": label}).content.decode()
    assert 'rel="noopener noreferrer nofollow external" referrerpolicy="no-referrer"' in page
    assert one["title"] in page
    for name in ("items.csv", "items.json"):
        assert client_of(stranger).get(f"{root}/{name}").status_code == 404

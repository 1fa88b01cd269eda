"""Collecting, end to end: real feeds and pages over HTTP, real Postgres."""

import asyncio
from collections import Counter
from uuid import UUID, uuid4

import pytest

from ingest import store
from ingest.analyzers import local
from ingest.children import AnalysisError
from ingest.collecting.outcomes import describe
from ingest.collecting.reporting import Stage
from ingest.collecting.verdicts import Verdict
from ingest.decisions import Decision, Failure
from ingest.demo_site import DemoSite, Kind, entries
from ingest.fetching.fetch import Bounds, Fetcher
from ingest.models import Article, Source, Topic
from ingest.reading.pages import Reading
from ingest.service import get_pending_articles, run_auto_ingest
from tasks.db import in_thread
from tests.ingest.recorder import Recorder
from tests.ingest.servers import RawServer, reply
from tests.waiting import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)


async def collect(topic: Topic, run_id: UUID | None = None, *, seconds: float = 20, **options):  # type: ignore[no-untyped-def]
    """A run as the task function makes it."""
    recorder = Recorder()
    outcome = await run_auto_ingest(
        topic, progress=recorder, run_id=run_id or uuid4(), fetcher=Fetcher(Bounds(seconds=seconds)), **options
    )
    return outcome, recorder


@pytest.fixture
def small(topic: Topic, site: DemoSite) -> Topic:
    """The topic with one source: a quarter of the demo site's energy world."""
    Source.objects.create(topic=topic, url=site.feed_urls("energy")[1])
    return topic


async def test_every_new_article_ends_with_a_decision_and_its_reasons(topic: Topic, site: DemoSite) -> None:
    await in_thread(lambda: [Source.objects.create(topic=topic, url=url) for url in site.feed_urls("energy")])
    outcome, _recorder = await collect(topic, seconds=4)  # one page drips for ever

    articles = await in_thread(lambda: list(topic.articles.all()))
    assert len(articles) == outcome["found"] == outcome["processed"] == 200
    decided = Counter(article.decision for article in articles)
    assert decided == {key: number for key, number in outcome["decisions"].items() if number}
    kinds = Counter(entry.kind for entry in entries("energy", 1))
    assert decided[Decision.APPROVED] > 100
    assert decided[Decision.DUPLICATE] >= kinds[Kind.COPY] + kinds[Kind.NEAR_COPY]
    assert decided[Decision.REJECTED_QUALITY] >= kinds[Kind.TEASER] + kinds[Kind.PAYWALL]
    assert decided[Decision.FILTERED_RELEVANCE] >= 20 + kinds[Kind.GERMAN] + kinds[Kind.SPONSORED]
    assert outcome["failures"] == {"not_found": 5, "http_error": 2, "bad_content": 1, "timeout": 1}
    for article in articles:
        assert article.decided_at is not None
        assert article.reasons
        if article.decision == Decision.FAILED:
            assert article.reasons["failure"]
        else:
            assert article.relevance is not None
            assert article.quality is not None
            assert article.reasons["relevance"]["reason"]
    best = next(article for article in articles if article.decision == Decision.APPROVED)
    assert best.text and best.summary and best.language == "en" and best.simhash and best.published_at
    assert best.relevance >= topic.relevance_threshold
    twins = [article for article in articles if article.decision == Decision.DUPLICATE]
    approved = {article.pk for article in articles if article.decision == Decision.APPROVED}
    assert {twin.duplicate_of_id for twin in twins} <= approved
    assert all(twin.reasons["duplicate"]["by"] in {"text", "address"} for twin in twins)


async def test_progress_grows_to_the_total_and_every_stage_is_seen(small: Topic) -> None:
    outcome, recorder = await collect(small)
    processed = recorder.values("processed")
    assert processed == list(range(outcome["processed"] + 1))
    assert set(recorder.values("total")) == {outcome["processed"]}
    assert set(recorder.values("stage")) == {
        Stage.FEEDS, Stage.FETCHING, Stage.ANALYZING, Stage.RELEVANCE, Stage.QUALITY, Stage.SAVING
    }  # fmt: skip
    results = [result for batch in recorder.batches for result in batch["results"]]
    assert len(results) == outcome["processed"]
    assert [batch["completed"] for batch in recorder.batches] == list(range(1, len(recorder.batches) + 1))
    assert {batch["total"] for batch in recorder.batches} == {len(recorder.batches)}
    assert max(len(batch["results"]) for batch in recorder.batches) == 20


async def test_a_second_run_collects_only_what_is_new(small: Topic, site: DemoSite) -> None:
    first, _ = await collect(small)
    site.requests.clear()
    again, _ = await collect(small)
    assert (again["found"], again["processed"], again["sources"]["unchanged"]) == (0, 0, 1)
    assert len(site.requests) == 1
    site.edition = 2
    newer, _ = await collect(small)
    new = [entry for entry in entries("energy", 2) if entry.publication == "grid-and-hearth"]
    assert newer["found"] == newer["processed"] == len(new)
    assert await in_thread(small.articles.count) == first["processed"] + len(new)


async def test_a_killed_run_goes_on_with_what_is_left_and_counts_it_all(small: Topic) -> None:
    run_id = uuid4()
    part, _ = await collect(small, run_id, limit=15)
    assert part["processed"] == 15
    outcome, recorder = await collect(small, run_id)
    total = await in_thread(small.articles.count)
    assert outcome["processed"] == total
    assert recorder.values("processed")[0] == 15
    assert set(recorder.values("total")) == {total}


async def test_a_limit_counts_what_the_run_did_before(small: Topic) -> None:
    run_id = uuid4()
    await collect(small, run_id, limit=5)
    outcome, _ = await collect(small, run_id, limit=8)
    assert outcome["processed"] == 8


async def test_a_dry_run_judges_and_stores_nothing(small: Topic) -> None:
    outcome, _recorder = await collect(small, dry_run=True, limit=12)
    assert outcome["dry_run"] is True
    assert outcome["processed"] == sum(outcome["decisions"].values()) == 12
    assert not await in_thread(Article.objects.exists)
    source = await in_thread(small.sources.get)
    assert (source.etag, source.last_checked_at) == ("", None)


async def test_what_is_decided_is_saved_when_a_run_is_cancelled(small: Topic, site: DemoSite) -> None:
    recorder = Recorder()
    run_id = uuid4()
    run = asyncio.create_task(run_auto_ingest(small, progress=recorder, run_id=run_id))
    await eventually_async(lambda: 7 in recorder.values("processed"))
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    decided = await in_thread(Article.objects.decided_by(run_id).count)
    assert decided == recorder.values("processed")[-1]
    assert await in_thread(get_pending_articles, small.pk)


async def test_nobody_decides_twice(article: Article) -> None:
    def decide(decision: Decision, run_id: UUID) -> int:
        failure = Failure.TIMEOUT if decision == Decision.FAILED else None
        verdict = Verdict(decision=decision, failure=failure, reasons={"by": str(run_id)})
        candidate = store.Candidate(id=article.pk, url=article.url)
        return store.save_decisions([store.Decided(candidate=candidate, verdict=verdict)], run_id)

    first, second = uuid4(), uuid4()
    assert await in_thread(decide, Decision.REJECTED_QUALITY, first) == 1
    assert await in_thread(decide, Decision.FAILED, second) == 0
    await in_thread(article.refresh_from_db)
    assert (article.decision, article.run, article.reasons) == ("rejected_quality", first, {"by": str(first)})


async def test_a_source_in_trouble_does_not_stop_the_others(small: Topic, site: DemoSite) -> None:
    bad = await in_thread(
        lambda: [
            small.sources.create(url=f"{site.url}/feeds/daily-outage.xml"),
            small.sources.create(url=f"{site.url}/feeds/none.xml"),
            small.sources.create(url=f"{site.url}/"),
            small.sources.create(url="http://127.0.0.1:1/feed"),
        ]
    )
    outcome, _ = await collect(small, limit=1)
    assert outcome["sources"] == {"read": 1, "unchanged": 0, "failed": 4, "waiting": 0}
    for source in bad:
        await in_thread(source.refresh_from_db)
        assert source.health == Source.Health.FAILING
        assert source.last_error, source
        assert source.next_check_at is not None
    assert (bad[0].next_check_at - bad[0].last_checked_at).total_seconds() >= 599, bad[0].last_error
    # Left alone until then.
    site.requests.clear()
    outcome, _ = await collect(small, limit=1)
    assert outcome["sources"]["waiting"] == 4


async def test_a_source_that_recovers_is_healthy_again(topic: Topic) -> None:
    async with RawServer({"/": reply(b"<rss version='2.0'><channel><title>Back</title></channel></rss>")}) as server:
        source = await in_thread(lambda: topic.sources.create(url=server.url(), failures=3, last_error="Away."))
        fetcher = Fetcher(allowed=frozenset({server.host}))
        await run_auto_ingest(topic, progress=Recorder(), run_id=uuid4(), fetcher=fetcher)
    await in_thread(source.refresh_from_db)
    assert (source.health, source.failures, source.last_error, source.title) == ("healthy", 0, "", "Back")


async def test_a_page_that_makes_the_child_hang_fails_alone(small: Topic, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(function, page, *args):  # type: ignore[no-untyped-def]
        if len(page.title) % 2:
            raise AnalysisError(Failure.ANALYSIS_TIMEOUT)
        return await original(function, page, *args)

    original = local.in_child
    monkeypatch.setattr(local, "in_child", refuse)
    outcome, _ = await collect(small, limit=10)
    assert outcome["processed"] == 10
    assert 0 < outcome["failures"]["analysis_timeout"] < 10


async def test_nul_bytes_and_odd_texts_are_stored(topic: Topic) -> None:
    paragraph = (
        b"<p>A heat pump\x00 hums in the yard of the town hall, and nobody minds it at all. \xf0\x9f\x94\xa5</p>"
    )
    feed = b"<rss version='2.0'><channel><item><link>/a</link><title>Heat &#0; pump</title></item></channel></rss>"
    async with RawServer({"/f": reply(feed), "/a": reply(b"<article>" + paragraph * 12 + b"</article>")}) as server:
        await in_thread(lambda: topic.sources.create(url=server.url("/f")))
        fetcher = Fetcher(allowed=frozenset({server.host}))
        await run_auto_ingest(topic, progress=Recorder(), run_id=uuid4(), fetcher=fetcher)
    article = await in_thread(topic.articles.get)
    assert article.decision != Decision.FAILED
    assert "\x00" not in article.text


def test_the_decision_is_described_in_words() -> None:
    assert describe({"approved": 1200, "failed": 1, "duplicate": 0}) == "1,200 added, 1 failed"
    assert describe({}) == "nothing new"


def test_readings_cross_the_process_border() -> None:
    import pickle

    reading = Reading(
        title="", author="", site="", published_at=None, text="", language="", summary="", sentiment=None,
        simhash=None, address="", declared_url="", link_lines=frozenset(),
    )  # fmt: skip
    assert pickle.loads(pickle.dumps(reading)) == reading

"""Stored articles, judged anew after the rules were changed."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from ingest.decisions import Decision, Failure
from ingest.demo_site import DemoSite
from ingest.fetching.fetch import Bounds, Fetcher
from ingest.jobs import start_recheck
from ingest.judging import recheck as module
from ingest.judging.recheck import run_recheck, to_recheck
from ingest.models import Article, Topic
from ingest.rules import read_lines, rules_of, save_keywords
from ingest.service import run_auto_ingest
from notifications.models import Notification
from tasks import lifecycle
from tasks.db import in_thread
from tasks.exceptions import AlreadyRunning, DoNotRetry
from tasks.models import TaskRun
from tests.ingest.conftest import KEYWORDS
from tests.ingest.recorder import Recorder
from tests.ingest.stored import TEXT, store_article
from tests.waiting import eventually, eventually_async
from tests.workers import WorkerThread

type ClientOf = Callable[[User], Client]

pytestmark = pytest.mark.django_db(transaction=True)


def change_rules(topic: Topic, *include: str, **columns: Any) -> None:
    """Other rules, from now on."""
    save_keywords(topic, read_lines(include))
    Topic.objects.filter(pk=topic.pk).update(**columns)
    topic.refresh_from_db()


async def rechecked(topic: Topic, run_id: UUID | None = None) -> tuple[dict[str, Any], Recorder]:
    """A re-check as the task function makes it."""
    recorder = Recorder()
    return await run_recheck(topic.pk, progress=recorder, run_id=run_id or uuid4()), recorder


def decisions(topic: Topic) -> dict[str, str]:
    return dict(topic.articles.values_list("title", "decision"))


def stamps(topic: Topic) -> set[str]:
    return set(topic.articles.exclude(decision__in=["pending", "failed"]).values_list("rules", flat=True))


async def test_a_recheck_by_the_same_rules_finds_what_the_collection_found(topic: Topic, site: DemoSite) -> None:
    def start_over() -> None:
        topic.sources.create(url=site.feed_urls("energy")[1])
        topic.keywords.create(phrase="grid", field="title")
        topic.keywords.create(phrase="127.0.0.1", field="site")

    await in_thread(start_over)
    await run_auto_ingest(topic, progress=Recorder(), run_id=uuid4(), fetcher=Fetcher(Bounds(seconds=4)))
    rows = ("pk", "decision", "relevance", "quality", "decided_at", "run", "duplicate_of", "reasons")
    before = await in_thread(lambda: {row[0]: row for row in topic.articles.values_list(*rows)})
    assert await in_thread(to_recheck, topic, await in_thread(rules_of, topic)) == 0
    await in_thread(lambda: topic.articles.update(rules=""))
    outcome, _ = await rechecked(topic)
    assert outcome["processed"] > 40
    assert (outcome["changed"], outcome["failed"]) == (0, 0)
    assert await in_thread(lambda: {row[0]: row for row in topic.articles.values_list(*rows)}) == before


async def test_articles_move_by_the_new_rules_with_scores_and_reasons_and_stay_read(topic: Topic) -> None:
    def prepare() -> dict[str, Article]:
        made = {
            "goes": store_article(topic, "Heat pumps", "approved", read_at="2026-01-01T00:00:00Z"),
            "stays": store_article(topic, "Heat pumps and wind", "approved", read_at="2026-01-01T00:00:00Z"),
            "comes": store_article(topic, "Wind farms", "filtered_relevance", read_at="2026-01-02T00:00:00Z"),
            "thin": store_article(topic, "Wind, thin", "rejected_quality", quality=0.2),
            "never": store_article(topic, "Cats", "filtered_relevance"),
            "failed": store_article(topic, "Wind, unread", "failed"),
            "waits": store_article(topic, "Wind, to come", "pending"),
        }
        change_rules(topic, "wind", quality_threshold=0.1)
        return made

    made = await in_thread(prepare)
    rules = await in_thread(rules_of, topic)
    assert await in_thread(to_recheck, topic, rules) == 5
    run_id = uuid4()
    outcome, recorder = await rechecked(topic, run_id)
    assert await in_thread(decisions, topic) == {
        "Heat pumps": "filtered_relevance", "Heat pumps and wind": "approved", "Wind farms": "approved",
        "Wind, thin": "approved", "Cats": "filtered_relevance", "Wind, unread": "failed", "Wind, to come": "pending",
    }  # fmt: skip
    assert (outcome["processed"], outcome["added"], outcome["removed"], outcome["changed"]) == (5, 2, 1, 3)
    assert {"from": "approved", "to": "filtered_relevance", "articles": 1} in outcome["moved"]
    assert recorder.values("processed") == [0, 5] and set(recorder.values("total")) == {5}
    assert await in_thread(stamps, topic) == {rules.stamp}
    for name, before in made.items():
        after = await in_thread(Article.objects.get, pk=before.pk)
        assert after.read_at == (None if before.read_at is None else await in_thread(read_at, before.pk))
        if name in {"goes", "comes", "thin"}:
            assert after.decided_at > before.decided_at and after.run == run_id
        else:
            assert after.decided_at == before.decided_at and after.run is None
        if name in {"comes", "stays"}:
            assert after.read_at is not None
            assert after.reasons["relevance"]["reason"] == "2 × wind"
            assert after.reasons["quality"] == {"reason": "good"}
            assert after.relevance >= 0.4
    assert await in_thread(to_recheck, topic, rules) == 0


def read_at(pk: int) -> Any:
    return Article.objects.values_list("read_at", flat=True).get(pk=pk)


async def test_a_story_is_not_told_twice_and_not_lost(topic: Topic) -> None:
    def prepare() -> None:
        root = store_article(topic, "Heat pumps here", "approved", simhash=0b1111)
        store_article(
            topic, "Heat pumps there, and wind", "duplicate", duplicate_of=root, simhash=0b1110, relevance=0.9
        )
        store_article(topic, "Wind and rain", "filtered_relevance", simhash=(1 << 40) - 1)
        store_article(topic, "Wind and rain again", "filtered_relevance", simhash=(1 << 40) - 2)
        change_rules(topic, "wind")

    await in_thread(prepare)
    outcome, _ = await rechecked(topic)
    assert await in_thread(decisions, topic) == {
        "Heat pumps here": "filtered_relevance", "Heat pumps there, and wind": "approved",
        "Wind and rain": "approved", "Wind and rain again": "duplicate",
    }  # fmt: skip
    assert (outcome["added"], outcome["removed"], outcome["changed"]) == (2, 1, 4)
    copy = await in_thread(lambda: topic.articles.select_related("duplicate_of").get(decision="duplicate"))
    assert copy.duplicate_of.title == "Wind and rain"
    assert copy.reasons["duplicate"]["distance"] == 1


async def test_rules_that_change_on_the_way_count_to_the_last_article(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare() -> None:
        for number in range(12):
            store_article(topic, f"Wind {number}", "filtered_relevance")
        change_rules(topic, "wind")

    await in_thread(prepare)
    monkeypatch.setattr(module, "BATCH", 3)
    recorder = Recorder()
    run = asyncio.create_task(run_recheck(topic.pk, progress=recorder, run_id=uuid4()))
    await eventually_async(lambda: 3 in recorder.values("processed"))
    await in_thread(change_rules, topic, "rain")
    outcome = await run
    assert set((await in_thread(decisions, topic)).values()) == {"filtered_relevance"}
    assert await in_thread(stamps, topic) == {(await in_thread(rules_of, topic)).stamp}
    assert outcome["added"] == outcome["removed"] >= 3
    assert 12 < outcome["processed"] <= 24


async def test_a_decision_that_was_taken_meanwhile_stands(topic: Topic, monkeypatch: pytest.MonkeyPatch) -> None:
    article = await in_thread(store_article, topic, "Wind", "filtered_relevance")
    await in_thread(change_rules, topic, "wind")
    original = module.in_child

    async def meanwhile(*args: Any) -> Any:
        found = await original(*args)
        # What "Retry what failed" does, say: somebody else has the article now.
        await in_thread(lambda: Article.objects.filter(pk=article.pk).update(decision="pending", decided_at=None))
        return found

    monkeypatch.setattr(module, "in_child", meanwhile)
    outcome, _ = await rechecked(topic)
    assert outcome["changed"] == 0
    assert await in_thread(decisions, topic) == {"Wind": "pending"}


async def test_a_collection_that_began_with_the_old_rules_leaves_what_it_decided_to_be_rechecked(
    topic: Topic, site: DemoSite
) -> None:
    await in_thread(lambda: topic.sources.create(url=site.feed_urls("energy")[1]))
    recorder = Recorder()
    run = asyncio.create_task(
        run_auto_ingest(topic, progress=recorder, run_id=uuid4(), limit=25, fetcher=Fetcher(Bounds(seconds=4)))
    )
    await eventually_async(lambda: recorder.values("processed"))
    await in_thread(change_rules, topic, "no such word")
    await run
    rules = await in_thread(rules_of, topic)
    old = await in_thread(to_recheck, topic, rules)
    judged = await in_thread(lambda: topic.articles.exclude(decision__in=["pending", "failed"]).count())
    new = await in_thread(lambda: topic.articles.filter(rules=rules.stamp).exclude(decision="failed").count())
    assert old + new == judged, "each says truly by which rules it was judged"
    assert not await in_thread(lambda: topic.articles.filter(rules=rules.stamp, decision="approved").exists())
    await rechecked(topic)
    assert await in_thread(to_recheck, topic, rules) == 0
    assert not await in_thread(lambda: topic.articles.filter(decision="approved").exists())


async def test_a_text_that_no_child_survives_keeps_its_decision_and_stops_nobody(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare() -> None:
        for number in range(4):
            store_article(topic, f"Wind {number}", "filtered_relevance")
        store_article(topic, "Poison wind", "filtered_relevance")
        change_rules(topic, "wind")

    original = module.in_child

    async def poisoned(function: Any, stored: Any, rules: Any) -> Any:
        if any("Poison" in one.title for one in stored):
            raise module.AnalysisError(Failure.ANALYSIS_TIMEOUT)
        return await original(function, stored, rules)

    await in_thread(prepare)
    monkeypatch.setattr(module, "in_child", poisoned)
    outcome, _ = await rechecked(topic)
    assert (outcome["processed"], outcome["added"], outcome["failed"]) == (5, 4, 1)
    assert (await in_thread(decisions, topic))["Poison wind"] == "filtered_relevance"
    assert await in_thread(to_recheck, topic, await in_thread(rules_of, topic)) == 0


async def test_a_topic_that_is_gone_is_said_so() -> None:
    with pytest.raises(DoNotRetry, match="does not exist"):
        await run_recheck(10**6, progress=Recorder(), run_id=uuid4())


def ended(run_id: str) -> TaskRun:
    return eventually(lambda: TaskRun.objects.final().filter(pk=run_id).first(), within=60)


def many(topic: Topic, number: int) -> None:
    """So many articles that the rules of now would let in."""
    store_article(topic, "Wind 0", "filtered_relevance")
    first = Article.objects.get()
    rows = [
        Article(
            **{
                **{field.attname: getattr(first, field.attname) for field in Article._meta.concrete_fields},
                "id": None, "title": f"Wind {n}", "url": f"https://w.example/{n}", "canonical_url": f"https://w.example/{n}",
                "text": f"Wind. {TEXT}",
            }
        )
        for n in range(1, number)
    ]  # fmt: skip
    Article.objects.bulk_create(rows)
    change_rules(topic, "wind")


def test_a_recheck_is_a_run_with_a_bar_and_one_notification(worker: WorkerThread, owner: User, topic: Topic) -> None:
    many(topic, 60)
    run = ended(start_recheck(topic).id)
    assert (run.status, run.processed_items, run.total_items, run.name) == ("completed", 60, 60, "Re-check: Energy")
    assert run.result["added"] == 60
    notification = Notification.objects.get()
    assert (notification.type, notification.link) == ("recheck_complete", f"/keyword-alerts/{topic.pk}/")
    assert notification.message == "60 articles of “Energy” judged anew: 60 came in."


def test_a_topic_is_rechecked_once_at_a_time(engine_tables: None, topic: Topic) -> None:
    first = start_recheck(topic)
    with pytest.raises(AlreadyRunning) as refused:
        start_recheck(topic)
    assert str(refused.value.run_id) == first.id


def test_a_recheck_that_was_interrupted_goes_on_with_what_is_left_and_counts_it_all(
    engine_tables: None, owner: User, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    many(topic, 120)
    run_id = start_recheck(topic).id
    worker = WorkerThread(grace=timedelta(milliseconds=1)).start()
    eventually(lambda: TaskRun.objects.get(pk=run_id).checkpoint, within=30)
    worker.stop()
    run = TaskRun.objects.get(pk=run_id)
    assert run.status == "pending"
    noted = run.checkpoint["judged"]
    done = dict(topic.articles.filter(decision=Decision.APPROVED).values_list("pk", "decided_at"))
    assert 0 < noted == len(done) < 120
    worker = WorkerThread().start()
    try:
        run = ended(run_id)
    finally:
        worker.stop()
    assert (run.status, run.result["processed"], run.result["added"]) == ("completed", 120, 120)
    for pk, decided_at in done.items():
        assert Article.objects.get(pk=pk).decided_at == decided_at, "judged once"


def test_a_recheck_that_is_cancelled_leaves_the_rest_to_the_next(
    worker: WorkerThread, owner: User, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    many(topic, 200)
    run_id = start_recheck(topic).id
    eventually(lambda: TaskRun.objects.get(pk=run_id).checkpoint, within=30)
    lifecycle.cancel(TaskRun.objects.get(pk=run_id), by=owner)
    assert ended(run_id).status == "cancelled"
    assert not Notification.objects.exists()
    left = to_recheck(topic, rules_of(topic))
    assert 0 < left == topic.articles.filter(decision="filtered_relevance").count()


def test_the_page_offers_a_recheck_after_a_change_and_shows_its_bar(
    engine_tables: None, client_of: ClientOf, owner: User, stranger: User, topic: Topic
) -> None:
    store_article(topic, "Wind", "filtered_relevance")
    store_article(topic, "Heat pumps", "approved")
    client, page = client_of(owner), reverse("topic-rules", args=[topic.pk])
    assert "Re-check" not in client.get(page).content.decode()
    change_rules(topic, "wind")
    assert "Re-check 2 articles" in client.get(page).content.decode()
    address = reverse("topic-recheck", args=[topic.pk])
    shown = client.post(address, follow=True).content.decode()
    run = TaskRun.objects.get()
    assert f'id="run-{run.pk}-progress"' in shown
    assert "Re-check 2 articles" not in shown
    assert "judged anew already" in client.post(address, follow=True).content.decode()
    assert client_of(stranger).post(address).status_code == 404
    assert client.get(address).status_code == 405


def test_changing_the_rules_back_leaves_nothing_to_recheck(topic: Topic) -> None:
    store_article(topic, "Heat pumps", "approved")
    change_rules(topic, *KEYWORDS, "wind", "-sponsored")
    assert to_recheck(topic, rules_of(topic)) == 1
    change_rules(topic, *KEYWORDS, "-sponsored")
    assert to_recheck(topic, rules_of(topic)) == 0


def test_the_api_starts_a_recheck(
    engine_tables: None, client_of: ClientOf, owner: User, stranger: User, topic: Topic
) -> None:
    def ask(user: User) -> Any:
        return client_of(user).post("/api/auto-ingest/recheck", {"topic_id": topic.pk}, content_type="application/json")

    store_article(topic, "Wind", "filtered_relevance")
    change_rules(topic, "wind")
    config = client_of(owner).patch("/api/auto-ingest/config", {"topic_id": topic.pk}, content_type="application/json")
    assert config.json()["to_recheck"] == 1
    assert ask(stranger).status_code == 404
    answer = ask(owner)
    run = TaskRun.objects.get()
    assert answer.status_code == 202
    assert answer.json() == {
        "success": True, "task_id": str(run.pk), "message": "Started judging 1 article anew.", "total_articles": 1
    }  # fmt: skip
    again = ask(owner)
    assert (again.status_code, again.json()["error"]["details"]) == (409, {"task_id": str(run.pk)})


def test_the_command_draws_a_bar_and_says_what_moved(
    engine_tables: None, topic: Topic, capsys: pytest.CaptureFixture[str]
) -> None:
    many(topic, 30)
    call_command("recheck", topic="energy")
    shown = capsys.readouterr().out
    assert "30 of 30  100%" in shown
    assert "30 came in" in shown
    call_command("recheck", topic="energy")
    assert "nothing to re-check" in capsys.readouterr().out


def test_a_topic_that_is_deleted_takes_its_recheck_along(
    engine_tables: None, client_of: ClientOf, owner: User, topic: Topic
) -> None:
    start_recheck(topic)
    client_of(owner).post(reverse("topic-delete", args=[topic.pk]))
    assert TaskRun.objects.get().status == "cancelled"

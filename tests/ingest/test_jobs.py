"""The task functions, done by a real worker."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from ingest.decisions import Decision
from ingest.demo_site import DemoSite
from ingest.jobs import collect, start_bulk_analysis, start_collecting
from ingest.models import Topic
from notifications.models import Notification
from tasks import lifecycle
from tasks.exceptions import AlreadyRunning
from tasks.models import TaskEvent, TaskRun
from tests.waiting import eventually
from tests.workers import WorkerThread

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def small(topic: Topic, site: DemoSite) -> Topic:
    """The topic with one feed of the demo site."""
    topic.sources.create(url=site.feed_urls("travel")[0])
    topic.keywords.create(phrase="tram line")
    return topic


def ended(run_id: str) -> TaskRun:
    return eventually(lambda: TaskRun.objects.final().filter(pk=run_id).first(), within=60)


def test_a_collection_ends_with_numbers_batches_and_one_notification(
    worker: WorkerThread, owner: User, small: Topic
) -> None:
    run = ended(start_collecting(owner, small).id)
    assert (run.status, run.progress, run.error) == ("completed", 100, "")
    total = small.articles.count()
    assert run.processed_items == run.total_items == run.result["processed"] == total > 20
    assert sum(run.result["decisions"].values()) == total
    assert small.articles.filter(decision=Decision.PENDING).count() == 0
    assert set(small.articles.values_list("run", flat=True)) == {run.pk}
    batches = TaskEvent.objects.filter(run=run, kind="batch")
    assert sum(len(batch.data["results"]) for batch in batches) == total
    notification = Notification.objects.get()
    assert (notification.type, notification.title) == ("auto_ingest_complete", "Auto-Collect complete")
    assert notification.link == f"/keyword-alerts/{small.pk}/"
    assert f"{total} articles processed for “Energy”" in notification.message


def test_a_collection_that_times_out_keeps_what_it_decided_and_says_how_much(
    engine_tables: None, owner: User, topic: Topic, site: DemoSite
) -> None:
    for url in site.feed_urls("energy"):
        topic.sources.create(url=url)  # one of their pages drips for ever
    run_id = start_collecting(owner, topic).id
    TaskRun.objects.filter(pk=run_id).update(timeout=timedelta(seconds=12))
    worker = WorkerThread().start()
    try:
        run = ended(run_id)
    finally:
        worker.stop()
    assert (run.status, run.error) == ("failed", "Timed out after 12 s.")
    decided = topic.articles.decided_by(run.pk)
    assert decided.count() == run.items.count() > 0
    added = decided.filter(decision=Decision.APPROVED).count()
    message = Notification.objects.get().message
    assert message.startswith("Collecting for “Energy” stopped: Timed out after 12 s. ")
    assert f"decided before: {added} added" in message
    # What was being read at the time is no suspect: the run was stopped, not killed.
    assert not topic.articles.filter(unfinished__gt=0).exists()


def test_a_collection_can_be_started_again_once_it_has_ended(worker: WorkerThread, owner: User, small: Topic) -> None:
    first = start_collecting(owner, small, limit=1)
    with pytest.raises(AlreadyRunning):
        start_collecting(owner, small)
    ended(first.id)
    assert ended(start_collecting(owner, small, limit=2).id).result["processed"] == 2


def test_all_topics_of_the_owner_are_collected_in_one_run(
    worker: WorkerThread, owner: User, stranger: User, small: Topic, site: DemoSite
) -> None:
    other = Topic.objects.create(owner=owner, name="Rail")
    other.keywords.create(phrase="night train")
    other.sources.create(url=site.feed_urls("travel")[1])
    foreign = Topic.objects.create(owner=stranger, name="Rail")
    foreign.sources.create(url=site.feed_urls("travel")[1])
    run = ended(start_collecting(owner, None).id)
    assert run.status == "completed", run.error
    assert run.processed_items == small.articles.count() + other.articles.count() == run.result["processed"]
    assert not foreign.articles.exists()


def test_a_topic_that_is_gone_fails_the_run_and_says_so(worker: WorkerThread, owner: User) -> None:
    run = ended(collect.using(owner=owner).enqueue(topic_id=10**6).id)
    assert (run.status, run.attempt) == ("failed", 1), "trying again would change nothing"
    notification = Notification.objects.get()
    assert (notification.type, notification.link) == ("auto_ingest_error", "/keyword-alerts/1000000/")


def test_a_cancelled_collection_keeps_what_it_decided(
    worker: WorkerThread, owner: User, small: Topic, site: DemoSite
) -> None:
    run_id = start_collecting(owner, small).id
    eventually(lambda: TaskRun.objects.filter(pk=run_id, processed_items__gt=0).exists(), within=30)
    run = TaskRun.objects.get(pk=run_id)
    if not run.is_final:
        lifecycle.cancel(run, by=owner)
    assert ended(run_id).status in {"cancelled", "completed"}
    assert small.articles.exclude(decision=Decision.PENDING).exists()


@pytest.mark.parametrize("save", [True, False])
def test_bulk_analysis_reads_what_was_pasted(
    worker: WorkerThread, owner: User, topic: Topic, site: DemoSite, save: bool
) -> None:
    from ingest.demo_site import entries

    urls = [site.entry_url(entry) for entry in entries("travel", 1)[:25]] + ["http://127.0.0.1:1/"]
    run = ended(start_bulk_analysis(owner, [*urls, f"{urls[0]}#top"], "Energy", relevance_threshold=0.0, save=save))
    assert run.status == "completed", run.error
    assert run.result["processed"] == len(urls) == run.items.exclude(outcome="waiting").count()
    assert run.result["failures"]["bad_url"] == 1
    assert topic.articles.count() == (len(urls) if save else 0)
    assert Notification.objects.get().type == "bulk_analysis_complete"


def test_the_command_collects_shows_a_bar_and_prints_the_outcome(
    engine_tables: None, owner: User, small: Topic, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("collect", topic="energy", limit=10)
    shown = capsys.readouterr().out
    assert "10 of 10  100%" in shown
    assert "Processed" in shown
    assert TaskRun.objects.get().status == "completed"


@pytest.mark.parametrize(
    ("options", "said"),
    [({"topic": "Nothing"}, "“Energy”"), ({"user": "nobody"}, "no topic"), ({"limit": 0}, "--limit")],
)
def test_the_command_says_what_it_could_do(topic: Topic, options: dict[str, object], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("collect", **options)


def test_the_command_asks_which_topic_is_meant(owner: User, stranger: User, topic: Topic) -> None:
    Topic.objects.create(owner=stranger, name="Energy")
    with pytest.raises(CommandError, match="“Energy” of owner"):
        call_command("collect", topic="Energy")


def test_collecting_all_topics_and_collecting_one_of_them_exclude_each_other(engine_tables: None, owner: User) -> None:
    topic = Topic.objects.create(owner=owner, name="Rail")
    one = start_collecting(owner, topic)
    with pytest.raises(AlreadyRunning) as refused:
        start_collecting(owner, None)
    assert str(refused.value.run_id) == one.id
    lifecycle.cancel(TaskRun.objects.get(pk=one.id))
    everything = start_collecting(owner, None)
    with pytest.raises(AlreadyRunning) as refused:
        start_collecting(owner, topic)
    assert str(refused.value.run_id) == everything.id

"""Sources by the list: added, there already, or failed with a reason."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from ingest.demo_site import DemoSite
from ingest.models import Source, Topic
from ingest.sources import importing
from ingest.sources.importing import Ending, Report, import_lines
from ingest.sources.jobs import start_import
from ingest.sources.lines import Line
from notifications.models import Notification
from tasks import ledger, lifecycle
from tasks.exceptions import AlreadyRunning
from tasks.models import TaskItem, TaskRun
from tests.racing import race
from tests.waiting import eventually
from tests.workers import WorkerThread

pytestmark = pytest.mark.django_db(transaction=True)


def lines(*urls: str) -> list[Line]:
    return [Line(number=number, url=url) for number, url in enumerate(urls, start=1)]


def endings(report: Report) -> list[str]:
    return [one.ending.value for one in report.outcomes]


def ended(run_id: str) -> TaskRun:
    return eventually(lambda: TaskRun.objects.final().filter(pk=run_id).first(), within=60)


def test_every_line_ends_somehow_and_the_second_time_changes_nothing(topic: Topic) -> None:
    topic.sources.create(url="https://known.example/feed")
    wanted = [
        Line(number=1, url="https://a.example/feed", title="A", folder="News/Europe"),
        Line(number=2, url="http://known.example/feed/"),
        Line(number=3, url="https://a.example/feed"),
        Line(number=4, url="javascript:alert(1)"),
        Line(number=5, url="", title="Only a name"),
        Line(number=6, url="https://me:pw@a.example/"),
        Line(number=7, url="https://a.example/" + "x" * 1000),
    ]
    report = import_lines(topic, wanted)
    assert endings(report) == ["added", "already", "already", "failed", "failed", "failed", "failed"]
    assert [one.why for one in report.failures] == [
        "The address is not one we can open (only http and https addresses are read).",
        "There is no address in this line.",
        "The address is not one we can open (it contains a user name).",
        "This address is longer than 1,000 characters.",
    ]
    assert str(report) == "1 added, 2 there already, 4 failed"
    source = topic.sources.get(url="https://a.example/feed")
    assert (source.title, source.folder) == ("A", "News/Europe")
    assert endings(import_lines(topic, wanted))[:3] == ["already"] * 3
    assert topic.sources.count() == 2


def test_a_topic_has_a_bounded_number_of_sources(topic: Topic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "MAX_SOURCES", 2)
    report = import_lines(topic, lines("https://a.example/", "https://b.example/", "https://c.example/"))
    assert endings(report) == ["added", "added", "failed"]
    assert topic.sources.count() == 2


def test_two_imports_at_the_same_moment_add_each_source_once(topic: Topic) -> None:
    wanted = lines(*(f"https://a.example/{n}" for n in range(300)))
    answers = race(*[lambda: import_lines(topic, wanted)] * 3)
    assert all(isinstance(answer, Report) for answer in answers)
    assert topic.sources.count() == 300


def test_a_large_import_is_a_run_with_a_bar_a_ledger_and_one_notification(
    worker: WorkerThread, owner: User, topic: Topic
) -> None:
    wanted = lines(*(f"https://a.example/{n}" for n in range(9_999)), "nonsense")
    started = start_import(topic, wanted)
    with pytest.raises(AlreadyRunning):
        start_import(topic, wanted)
    run = ended(started.id)
    assert (run.status, run.error, run.owner) == ("completed", "", owner)
    assert run.processed_items == run.total_items == 10_000
    assert {key: run.result[key] for key in Ending} == {"added": 9_999, "already": 0, "failed": 1}
    assert run.result["failures"][0]["line"] == 10_000
    assert topic.sources.count() == 9_999
    assert ledger.counts_of(run.pk) == {"done": 9_999, "failed": 1}
    notification = Notification.objects.get()
    assert notification.message == "Sources of “Energy”: 9,999 added, 1 failed."
    assert notification.link == run.get_absolute_url()


def test_an_interrupted_import_goes_on_where_it_was(engine_tables: None, topic: Topic) -> None:
    run_id = start_import(topic, lines(*(f"https://a.example/{n}" for n in range(4_000)))).id
    first = WorkerThread(grace=timedelta(milliseconds=1)).start()
    try:
        eventually(lambda: TaskRun.objects.filter(pk=run_id, processed_items__gte=200).exists(), within=30)
    finally:
        first.stop()
    second = WorkerThread().start()
    try:
        run = ended(run_id)
    finally:
        second.stop()
    assert (run.status, run.result["added"], run.result["already"]) == ("completed", 4_000, 0)
    assert topic.sources.count() == 4_000


def test_pages_are_looked_at_for_their_feeds_and_what_failed_is_retried_alone(
    worker: WorkerThread, owner: User, topic: Topic, site: DemoSite
) -> None:
    feed = site.feed_urls("travel")[0]
    wanted = lines(feed, f"{site.url}/nothing/here", "http://127.0.0.1:1/")
    run = ended(start_import(topic, wanted, look=True).id)
    assert (run.status, run.result["added"], run.result["failed"]) == ("completed", 1, 2)
    source = topic.sources.get()
    assert source.url == feed and source.title
    failed = TaskItem.objects.filter(run=run, outcome="failed").order_by("pk")
    assert [item.key for item in failed] == [f"2: {site.url}/nothing/here", "3: http://127.0.0.1:1/"]
    assert "does not exist" in failed[0].error
    again = ended(str(lifecycle.retry_failed_items(run, by=owner).pk))
    assert (again.result["added"], again.result["already"], again.result["failed"]) == (0, 0, 2)
    assert Source.objects.count() == 1

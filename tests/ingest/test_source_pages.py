"""The pages of sources."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ingest.demo_site import DemoSite
from ingest.models import Article, Source, Topic
from tasks.models import TaskRun

type ClientOf = Callable[[User], Client]

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(topic: Topic) -> str:
    """The address of the topic's sources."""
    return reverse("topic-sources", args=[topic.pk])


def add(topic: Topic, name: str, **values: object) -> Source:
    return topic.sources.create(url=f"https://news.example/{name}.xml", **values)


def bulk(client: Client, **data: object) -> str:
    """What is said after a bulk form was sent."""
    response = client.post(reverse("source-bulk"), data, follow=True)
    assert response.status_code == 200
    return " ".join(str(message) for message in response.context["messages"])


def test_a_feed_is_added_with_its_name_and_removed(
    client_of: ClientOf, owner: User, topic: Topic, page: str, site: DemoSite
) -> None:
    client, feed = client_of(owner), site.feed_urls("travel")[0]
    assert client.post(page, {"url": feed}).headers["Location"] == page
    source = topic.sources.get()
    assert (source.url, bool(source.title)) == (feed, True)
    assert source.title in client.get(page).content.decode()
    Article.objects.create(topic=topic, source=source, url="https://a.example/", canonical_url="https://a.example/")
    assert client.post(f"{page}{source.pk}/delete/").headers["Location"] == page
    assert not topic.sources.exists()
    assert topic.articles.count() == 1


def test_of_several_feeds_of_a_page_a_person_chooses(
    client_of: ClientOf, owner: User, topic: Topic, page: str, site: DemoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingest.sources.finding import Found
    from ingest.views import sources

    def two(url: str) -> list[Found]:
        return [Found(url=f"https://news.example/{name}", title=name, kind="RSS") for name in ("all", "sport")]

    monkeypatch.setattr(sources, "look_for_feeds", two)
    client = client_of(owner)
    shown = client.post(page, {"url": "https://news.example/"}).content.decode()
    assert "This page has 2 feeds" in shown and "https://news.example/sport" in shown
    assert not topic.sources.exists()
    client.post(page, {"url": "https://news.example/sport", "title": "sport", "as_is": "1"})
    assert topic.sources.get().title == "sport"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "required"),
        ("ftp://news.example/", "http and https"),
        ("https://news.example:22/", "port 22"),
        ("https://me:pw@news.example/", "user name"),
        ("http://news.example/twice/", "already"),
        ("http://127.0.0.1/", "private network"),
    ],
)
def test_an_address_that_makes_no_sense_is_refused_with_a_reason(
    client_of: ClientOf, owner: User, topic: Topic, page: str, url: str, said: str
) -> None:
    topic.sources.create(url="https://news.example/twice")
    response = client_of(owner).post(page, {"url": url})
    assert response.status_code == 422
    assert said in response.content.decode()
    assert topic.sources.count() == 1


def test_an_address_that_does_not_answer_now_can_be_added_anyway(
    client_of: ClientOf, owner: User, topic: Topic, page: str
) -> None:
    client = client_of(owner)
    assert b'name="as_is"' in client.post(page, {"url": "http://127.0.0.1/"}).content
    client.post(page, {"url": "http://news.example/", "as_is": "1"})
    assert topic.sources.get().url == "http://news.example/"


def test_a_failing_source_says_why_how_often_and_when_it_is_tried_again(
    client_of: ClientOf, owner: User, topic: Topic, page: str
) -> None:
    soon = timezone.now() + timedelta(hours=3)
    source = add(topic, "a", failures=2, last_error="The server took too long.", next_check_at=soon)
    client = client_of(owner)
    for path in (page, reverse("sources"), reverse("source-edit", args=[topic.pk, source.pk])):
        shown = client.get(path).content.decode()
        assert "Failing" in shown, path
        assert "The server took too long. 2 times in a row." in shown, path
        assert "Next try" in shown, path
    assert "Sources: All failing" in client.get("/keyword-alerts/").content.decode()


def test_the_list_can_be_narrowed_and_is_paged(client_of: ClientOf, owner: User, topic: Topic, page: str) -> None:
    for number in range(60):
        add(topic, f"n{number}", folder="News/Europe" if number % 2 else "Sport", title=f"Feed {number}")
    add(topic, "bad", failures=1, last_error="Gone.")
    add(topic, "off", is_paused=True)
    client = client_of(owner)
    for query, count in (
        ("", 62), ("show=failing", 1), ("show=paused", 1), ("show=unread", 60), ("show=nonsense", 62),
        ("folder=News", 30), ("folder=", 2), ("q=Feed+59", 1), ("q=gone", 1), ("folder=Sport&q=feed+58", 1),
    ):  # fmt: skip
        listed = client.get(f"{page}?{query}").context["listed"]
        assert listed.total == count, query
    assert len(client.get(f"{page}?page=2").context["listed"].sources) == 12
    assert client.get(page).context["listed"].sources[0].is_failing, "those in trouble come first"
    assert client.get(f"{page}?q=%00&folder=%00&page=x").status_code == 200


def test_a_page_of_sources_costs_the_same_however_many_there_are(
    client_of: ClientOf, owner: User, topic: Topic, page: str
) -> None:
    client = client_of(owner)

    def cost(path: str) -> int:
        client.get(path)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        return len(queries)

    add(topic, "one")
    before = {path: cost(path) for path in (page, reverse("sources"))}
    other = Topic.objects.create(owner=owner, name="Other")
    for number in range(30):
        add(topic, f"a{number}", folder=str(number))
        add(other, f"b{number}", failures=1)
    assert {path: cost(path) for path in before} == before
    assert max(before.values()) < 15


def test_a_source_has_settings_of_its_own(client_of: ClientOf, owner: User, topic: Topic, page: str) -> None:
    source = add(topic, "a", etag='"1"', failures=3, last_error="Gone.", due_at=timezone.now())
    add(topic, "b")
    client, path = client_of(owner), f"{page}{source.pk}/"
    given = {"title": "Mine", "url": source.url, "folder": " News / Europe /", "every": "30", "is_paused": "on"}
    assert client.post(path, given).headers["Location"] == page
    source.refresh_from_db()
    assert (source.title, source.folder, source.every, source.is_paused) == ("Mine", "News/Europe", 30, True)
    assert (source.due_at, source.etag, source.failures) == (None, '"1"', 3)
    response = client.post(path, given | {"url": "https://news.example/b.xml"})
    assert (response.status_code, "already" in response.content.decode()) == (422, True)
    client.post(path, given | {"url": "https://news.example/c.xml", "every": ""})
    source.refresh_from_db()
    assert (source.url, source.every, source.etag, source.failures) == ("https://news.example/c.xml", None, "", 0)


def test_many_sources_are_paused_resumed_and_read_at_once(
    engine_tables: None, client_of: ClientOf, owner: User, topic: Topic
) -> None:
    one, two = add(topic, "a"), add(topic, "b", next_check_at=timezone.now() + timedelta(days=1))
    client = client_of(owner)
    assert bulk(client, source=[one.pk, two.pk], pause="") == "2 sources paused."
    assert topic.sources.filter(is_paused=True).count() == 2
    assert bulk(client, resume=one.pk) == "1 source resumed."
    assert bulk(client, source=[one.pk, two.pk], read="") == "1 source on the way."
    assert TaskRun.objects.get().kwargs["sources"] == [one.pk]
    assert "being collected already" in bulk(client, read=one.pk)
    assert "tick the sources first" in bulk(client, pause="")


def test_all_that_match_is_what_the_filter_says_and_removing_asks_first(
    client_of: ClientOf, owner: User, topic: Topic
) -> None:
    for number in range(60):
        add(topic, f"a{number}", folder="Old" if number else "")
    client = client_of(owner)
    asked = client.post(reverse("source-bulk"), {"topic": topic.pk, "all": "1", "folder": "Old", "delete": ""})
    assert "Remove 59 sources" in asked.content.decode()
    assert topic.sources.count() == 60
    add(topic, "later", folder="Old")
    assert bulk(client, ids=asked.context["ids"], sure="1", delete="").startswith("59 sources removed")
    assert set(topic.sources.values_list("url", flat=True)) == {
        "https://news.example/a0.xml", "https://news.example/later.xml",
    }  # fmt: skip


def test_a_stranger_changes_nothing_and_sees_nothing(
    client_of: ClientOf, owner: User, stranger: User, topic: Topic, page: str
) -> None:
    source = add(topic, "a")
    client = client_of(stranger)
    assert "news.example" not in client.get(reverse("sources")).content.decode()
    assert "Nothing was done" in bulk(client, source=source.pk, pause="")
    assert "Nothing was done" in bulk(client, all="1", pause="")
    assert client.post(reverse("source-bulk"), {"topic": topic.pk, "all": "1", "pause": ""}).status_code == 404
    assert "news.example" not in client.get(reverse("source-export")).content.decode()
    for path in (page, f"{page}{source.pk}/", f"{page}import/", f"{page}export/"):
        assert client.get(path).status_code == 404, path
    source.refresh_from_db()
    assert not source.is_paused


def test_a_short_list_is_imported_at_once_with_a_report(
    client_of: ClientOf, owner: User, topic: Topic, page: str
) -> None:
    client = client_of(owner)
    opml = b'<opml><outline text="N"><outline xmlUrl="https://a.example/"/></outline><outline text="C"/></opml>'
    response = client.post(f"{page}import/", {"file": SimpleUploadedFile("mine.opml", opml)})
    assert "1 added, 1 failed" in response.content.decode()
    assert "Line 2: C" in response.content.decode()
    assert topic.sources.get().folder == "N"
    again = client.post(f"{page}import/", {"text": "https://a.example/\nhttps://b.example/"})
    assert "1 added, 1 there already" in again.content.decode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "Paste some addresses"),
        ({"text": "# nothing"}, "no address in this list"),
        ({"text": "<opml/>"}, "no feed in this file"),
        ({"text": "https://a.example/", "file": SimpleUploadedFile("a.txt", b"x")}, "one of the two"),
        ({"file": SimpleUploadedFile("a.txt", b"")}, "empty"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_with_a_reason(
    client_of: ClientOf, owner: User, topic: Topic, page: str, data: dict[str, object], said: str
) -> None:
    response = client_of(owner).post(f"{page}import/", data)
    assert response.status_code == 422
    assert said in response.content.decode()


def test_a_long_list_is_a_run(engine_tables: None, client_of: ClientOf, owner: User, topic: Topic, page: str) -> None:
    client = client_of(owner)
    text = "\n".join(f"https://a.example/{number}" for number in range(201))
    run_page = client.post(f"{page}import/", {"text": text}).headers["Location"]
    run = TaskRun.objects.get()
    assert run_page == run.get_absolute_url()
    assert len(run.kwargs["lines"]) == 201
    assert client.post(f"{page}import/", {"text": text}).headers["Location"] == run_page
    assert TaskRun.objects.count() == 1


def test_sources_leave_as_opml_and_csv(client_of: ClientOf, owner: User, topic: Topic, page: str) -> None:
    add(topic, "a", title="A <b>", folder="News")
    add(topic, "b", is_paused=True)
    client = client_of(owner)
    for path in (f"{page}export/", reverse("source-export")):
        response = client.get(path)
        assert response["Content-Disposition"] == 'attachment; filename="sources.opml"'
        assert response["Content-Type"] == "text/x-opml; charset=utf-8"
        assert "A &lt;b&gt;" in response.content.decode() and "b.xml" in response.content.decode()
        assert "b.xml" not in client.get(f"{path}?folder=News").content.decode()
        rows = client.get(f"{path}?format=csv").content.decode().splitlines()
        assert sorted(rows) == [
            "https://news.example/a.xml,A <b>,News", "https://news.example/b.xml,,", "url,title,folder",
        ]  # fmt: skip

"""Sources over the API and from the terminal."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from ingest.demo_site import DemoSite
from ingest.models import Source, Topic
from tasks.models import TaskRun

type ClientOf = Callable[[User], Client]

pytestmark = pytest.mark.django_db
SOURCES = "/api/auto-ingest/sources"


def send(client: Client, method: str, path: str, **data: Any) -> tuple[int, dict[str, Any]]:
    response = client.generic(method, path, json.dumps(data), content_type="application/json")
    return response.status_code, response.json()


def test_a_source_is_added_changed_listed_and_removed(client_of: ClientOf, owner: User, topic: Topic) -> None:
    client = client_of(owner)
    url = "https://news.example/feed"
    status, body = send(client, "POST", SOURCES, topic_id=topic.pk, url=url, folder="News", every=30)
    assert (status, body["source"]["health"], body["source"]["every"]) == (201, "unknown", 30)
    path = f"{SOURCES}/{body['source']['id']}"
    status, body = send(client, "PATCH", path, title="Mine", every=0, is_paused=True)
    assert (status, body["source"]["title"], body["source"]["folder"]) == (200, "Mine", "News")
    assert (body["source"]["every"], body["source"]["health"]) == (None, "paused")
    assert client.get(f"{SOURCES}?show=paused").json()["count"] == 1
    assert client.get(f"{SOURCES}?show=failing&topic_id={topic.pk}").json()["sources"] == []
    assert client.delete(path).json()["message"] == "1 source removed. Their articles stay."
    assert not Source.objects.exists()


def test_the_list_comes_page_by_page(client_of: ClientOf, owner: User, topic: Topic) -> None:
    for number in range(5):
        topic.sources.create(url=f"https://news.example/{number}")
    client, seen, cursor = client_of(owner), [], 0
    while cursor is not None:
        body = client.get(f"{SOURCES}?limit=2&cursor={cursor}").json()
        seen += [source["url"] for source in body["sources"]]
        assert body["count"] == 5
        cursor = body["next_cursor"]
    assert seen == [f"https://news.example/{number}" for number in range(5)]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "ftp://a.example/"}, "url: The address is not one we can open"),
        ({"url": "https://known.example/"}, "reads that feed already"),
        ({"url": "https://a.example/", "every": 3}, "every: must be 0, or from 5"),
        ({"url": "https://a.example/", "every": -1}, "every"),
    ],
)
def test_what_cannot_be_is_said(
    client_of: ClientOf, owner: User, topic: Topic, given: dict[str, Any], said: str
) -> None:
    topic.sources.create(url="https://known.example/")
    status, body = send(client_of(owner), "POST", SOURCES, topic_id=topic.pk, **given)
    assert status == 422
    assert said in body["error"]["message"]
    assert topic.sources.count() == 1


def test_somebody_elses_sources_are_not_there(client_of: ClientOf, stranger: User, topic: Topic) -> None:
    source = topic.sources.create(url="https://news.example/feed")
    client = client_of(stranger)
    assert client.get(SOURCES).json()["sources"] == []
    assert b"news.example" not in client.get(f"{SOURCES}/export").content
    for method, path, data in (
        ("GET", f"{SOURCES}?topic_id={topic.pk}", {}), ("GET", f"{SOURCES}/export?topic_id={topic.pk}", {}),
        ("PATCH", f"{SOURCES}/{source.pk}", {"title": "x"}), ("DELETE", f"{SOURCES}/{source.pk}", {}),
        ("POST", SOURCES, {"topic_id": topic.pk, "url": "https://a.example/"}),
        ("POST", f"{SOURCES}/import", {"topic_id": topic.pk, "text": "https://a.example/"}),
    ):  # fmt: skip
        assert send(client, method, path, **data)[0] == 404, path
    assert topic.sources.get().title == ""


def test_the_feeds_behind_an_address_are_found_and_nothing_is_added(
    client_of: ClientOf, owner: User, topic: Topic, site: DemoSite
) -> None:
    feed = site.feed_urls("travel")[0]
    status, body = send(client_of(owner), "POST", f"{SOURCES}/discover", url=feed)
    assert (status, body["feeds"][0]["url"]) == (200, feed)
    status, body = send(client_of(owner), "POST", f"{SOURCES}/discover", url=f"{site.url}/nothing/")
    assert (status, body["error"]["message"]) == (422, "url: The page does not exist (404).")
    assert not topic.sources.exists()


def test_a_list_is_imported_and_exported(engine_tables: None, client_of: ClientOf, owner: User, topic: Topic) -> None:
    client = client_of(owner)
    status, body = send(client, "POST", f"{SOURCES}/import", topic_id=topic.pk, text="https://a.example/\nnonsense")
    assert (status, body["added"], body["failed"], body["message"]) == (200, 1, 1, "1 added, 1 failed")
    assert [(line["line"], line["ending"]) for line in body["lines"]] == [(1, "added"), (2, "failed")]
    opml = client.get(f"{SOURCES}/export?topic_id={topic.pk}")
    assert opml["Content-Type"].startswith("text/x-opml")
    status, body = send(client, "POST", f"{SOURCES}/import", topic_id=topic.pk, text=opml.content.decode())
    assert body["message"] == "0 added, 1 there already"
    text = "\n".join(f"https://a.example/{number}" for number in range(300))
    status, body = send(client, "POST", f"{SOURCES}/import", topic_id=topic.pk, text=text)
    assert (status, body["task_id"]) == (202, str(TaskRun.objects.get().pk))
    assert send(client, "POST", f"{SOURCES}/import", topic_id=topic.pk, text=text)[0] == 409
    assert send(client, "POST", f"{SOURCES}/import", topic_id=topic.pk, text="#")[0] == 422


def test_the_command_imports_lists_and_exports(
    topic: Topic, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = tmp_path / "mine.csv"
    listed.write_text("url,title,folder\nhttps://a.example/,A,News\nnonsense,B,\n")
    call_command("sources", "import", str(listed))
    said = capsys.readouterr().out
    assert "1 added, 1 failed." in said and "line 3: nonsense" in said
    topic.sources.update(failures=2, last_error="The server took too long.")
    call_command("sources", "list", "--show", "failing")
    said = " ".join(capsys.readouterr().out.split())
    assert "Failing" in said and "News" in said
    call_command("sources", "export", "--csv", "--topic", "energy")
    assert capsys.readouterr().out.splitlines() == ["url,title,folder", "https://a.example/,A,News"]
    call_command("sources", "export")
    assert '<outline text="News">' in capsys.readouterr().out


@pytest.mark.parametrize(("body", "said"), [(None, "cannot be read"), (b"", "no address"), (b"<x/>", "no feed")])
def test_the_command_says_what_is_wrong_with_a_list(
    topic: Topic, tmp_path: Path, body: bytes | None, said: str
) -> None:
    path = tmp_path / "list.opml"
    if body is not None:
        path.write_bytes(body)
    with pytest.raises(CommandError, match=said):
        call_command("sources", "import", str(path))


@pytest.mark.django_db(transaction=True)
def test_the_command_takes_a_long_list_with_a_bar(
    engine_tables: None, topic: Topic, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "list.txt"
    path.write_text("\n".join(f"https://a.example/{number}" for number in range(500)))
    call_command("sources", "import", str(path))
    said = capsys.readouterr().out
    assert "500 of 500" in said and "500 added." in said
    assert topic.sources.count() == 500

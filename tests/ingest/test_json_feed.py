"""Reading JSON Feed."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ingest.fetching.feeds import MAX_ENTRIES, NotAFeed, parse_feed

URL = "https://news.example/feed.json"
VERSION = "https://jsonfeed.org/version/1.1"


def feed_of(*items: object, version: object = VERSION, **also: Any) -> bytes:
    return json.dumps({"version": version, "items": items, **also}).encode()


def test_version_1_1_with_everything() -> None:
    item = {
        "id": "https://news.example/id/1", "url": "/1", "external_url": "https://other.example/", "title": "AT&amp;T",
        "authors": [{"name": "Ann"}, {"url": "https://b.example/"}, {"name": "Ben"}],
        "date_published": "2026-01-05T10:00:00+02:00", "date_modified": "2026-02-01T00:00:00Z",
    }  # fmt: skip
    feed = parse_feed(feed_of(item, title="The <b>Times</b>", home_page_url="/home"), URL)
    assert (feed.title, feed.site_url) == ("The Times", "https://news.example/home")
    (entry,) = feed.entries
    assert (entry.url, entry.title, entry.author) == ("https://news.example/1", "AT&T", "Ann, Ben")
    assert entry.published_at == datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert entry.id == "https://news.example/id/1"


def test_version_1_0_names_one_author() -> None:
    body = feed_of({"url": "/1", "author": {"name": "Ann"}}, version="http://www.jsonfeed.org/version/1")
    assert parse_feed(body, URL).entries[0].author == "Ann"


@pytest.mark.parametrize(
    ("item", "address"),
    [
        ({"id": "https://news.example/a"}, "https://news.example/a"),
        ({"id": 7, "external_url": "https://other.example/b"}, "https://other.example/b"),
        ({"id": "https://news.example/a", "url": "javascript:alert(1)"}, "https://news.example/a"),
    ],
)
def test_an_entry_without_an_address_of_its_own_leads_where_it_can(item: dict[str, object], address: str) -> None:
    assert parse_feed(feed_of(item), URL).entries[0].url == address


@pytest.mark.parametrize("item", [None, 7, [], {}, {"url": None}, {"url": {}, "id": True}, {"url": "ftp://x/"}])
def test_an_item_that_makes_no_sense_does_not_cost_the_others(item: object) -> None:
    feed = parse_feed(feed_of(item, {"url": "/1", "title": None, "date_published": "soon", "authors": "me"}), URL)
    assert [entry.url for entry in feed.entries] == ["https://news.example/1"]
    assert (feed.entries[0].title, feed.entries[0].published_at) == ("", None)


def test_a_byte_order_mark_and_a_type_of_json_are_no_hindrance() -> None:
    body = b"\xef\xbb\xbf" + feed_of({"url": "/1"})
    assert parse_feed(body, URL, "application/feed+json").entries == parse_feed(body, URL).entries != ()


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"{}", b"[]", b'{"items": []}', b'{"version": "https://jsonfeed.org/version/1.1"}', b"[" * 100_000,
        feed_of({"url": "/1"}, version="2.0"), feed_of({"url": "/1"}, version={}), b'{"a":' * 100_000,
    ],
)  # fmt: skip
def test_json_that_is_no_feed_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(NotAFeed):
        parse_feed(body, URL, "application/json")


def test_a_feed_without_end_is_cut() -> None:
    assert len(parse_feed(feed_of(*({"url": f"/{n}"} for n in range(MAX_ENTRIES + 5))), URL).entries) == MAX_ENTRIES

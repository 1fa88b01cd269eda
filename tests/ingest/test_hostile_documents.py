"""Feeds and pages that mean us no good: each is read, or refused with a reason, within a child's time and memory."""

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import children
from ingest.children import AnalysisError, in_child
from ingest.decisions import Failure
from ingest.fetching.feeds import MAX_ENTRIES, Feed, NotAFeed, parse_feed
from ingest.reading.analysis import read_page
from ingest.reading.extract import decode
from ingest.reading.pages import Page

URL = "https://news.example/feed"
PAGE = "<html><body><article><p>{}</p></article></body></html>"


def rss(items: str, *, before: str = "", title: str = "News") -> bytes:
    channel = f"<channel><title>{title}</title>{items}</channel>"
    return f'<?xml version="1.0"?>{before}<rss version="2.0">{channel}</rss>'.encode()


def item(number: int, title: str = "") -> str:
    return f"<item><title>{title or number}</title><link>https://news.example/{number}</link></item>"


def laughs() -> str:
    """Ten entities, each of ten of the one before: a gigabyte of them in the last."""
    names = "abcdefghij"
    nested = "".join(f'<!ENTITY {name} "{f"&{below};" * 10}">' for below, name in pairwise(names))
    return f'<!DOCTYPE rss [<!ENTITY a "{"ha" * 5}">{nested}]>'


JSON = b'{"version": "https://jsonfeed.org/version/1.1", "items": '
SECRET = "root:x:0:0"  # as it stands in /etc/passwd
DOCUMENTS = {
    "entity bomb": rss(item(1, "&j;"), before=laughs(), title="&j;"),
    "entity bomb in an attribute": rss('<item><link href="&j;"/></item>' + item(1), before=laughs()),
    "one long entity a hundred times": rss(
        item(1, "&a;" * 100) + " " * 1_000_000, before=f'<!DOCTYPE rss [<!ENTITY a "{"x" * 1_000_000}">]>'
    ),
    "entity of itself": rss(item(1, "&a;"), before='<!DOCTYPE rss [<!ENTITY a "&a;">]>'),
    "entity of a file": rss(item(1, "&a;"), before='<!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/passwd">]>'),
    "doctype of a file": rss(item(1), before='<!DOCTYPE rss SYSTEM "file:///etc/passwd">'),
    "parameter entity of a file": rss(
        item(1), before='<!DOCTYPE rss [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]>'
    ),
    "style sheet of a file": rss(item(1), before='<?xml-stylesheet href="file:///etc/passwd"?>'),
    "a hundred thousand elements in each other": rss("<item>" * 100_000 + item(1)),
    "a hundred thousand attributes": rss("<item " + " ".join(f'a{n}="1"' for n in range(100_000)) + "/>" + item(1)),
    "title of 4 MB": rss(item(1, "x" * 4_000_000)),
    "title of a million tags": rss(item(1, "&lt;b&gt;" * 400_000)),
    "NUL": rss(item(1, "a\x00b")),
    "year beyond time": rss(
        "<item><link>https://news.example/1</link><pubDate>Mon, 01 Jan 99999 00:00:00 +9999</pubDate></item>"
    ),
    "address with a bracket left open": rss("<item><link>http://[::1</link></item>" + item(1)),
    "encoding nobody knows": b'<?xml version="1.0" encoding="rot13"?>' + rss(item(1))[21:],
    "encoding that lies": b'<?xml version="1.0" encoding="utf-16"?>' + rss(item(1))[21:],
    "JSON of a hundred thousand brackets": JSON + b"[" * 100_000,
    "JSON number of a million digits": JSON + b"[" + b"9" * 1_000_000 + b"]}",
    "JSON of other shapes": JSON + b'[{"url": {}}, 7, null], "title": [1]}',
    "page": PAGE.format("hello").encode(),
    "picture": bytes(range(256)) * 1_000,
    "nothing": b"",
}  # fmt: skip


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children have two seconds instead of ten: these documents are not worth more."""
    monkeypatch.setattr(children, "SECONDS", 2)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", DOCUMENTS)
async def test_a_hostile_feed_is_read_or_refused(name: str) -> None:
    try:
        feed = await in_child(parse_feed, DOCUMENTS[name], URL)
    except (NotAFeed, AnalysisError) as refused:
        assert str(refused).endswith(".")
        return
    assert all(entry.url.startswith(("http://", "https://")) for entry in feed.entries)
    assert all(len(entry.title) <= 500 and "\x00" not in entry.title for entry in feed.entries)
    assert SECRET not in repr(feed)


@pytest.mark.parametrize("kind", ["rss", "atom", "rdf"])
async def test_a_feed_of_a_hundred_thousand_entries_gives_its_first(kind: str) -> None:
    count = 40_000 if kind == "rdf" else 75_000 if kind == "atom" else 100_000
    if kind == "rss":
        body = rss("".join(f"<item><link>http://n.ex/{number}</link></item>" for number in range(count)))
    elif kind == "atom":
        entries = "".join(f'<entry><link href="http://n.ex/{number}"/></entry>' for number in range(count))
        body = f'<feed xmlns="http://www.w3.org/2005/Atom"><title>News</title>{entries}</feed>'.encode()
    else:
        items = "".join(
            f'<item rdf:about="http://n.ex/{number}"><link>http://n.ex/{number}</link></item>'
            for number in range(count)
        )
        body = (
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
            f"<channel><title>News</title></channel>{items}</rdf:RDF>"
        ).encode()
    assert len(body) < 5_000_000
    feed = await in_child(parse_feed, body, URL)
    assert feed.title == "News"
    assert [entry.url for entry in feed.entries] == [f"http://n.ex/{number}" for number in range(MAX_ENTRIES)]


PAGES = {
    "a hundred thousand elements in each other": b"<div>" * 100_000 + b"<p>hello</p>",
    "a hundred thousand tables in each other": b"<table><tr><td>" * 30_000 + b"<p>hello</p>",
    "a million links": b"<a href='/x'>x</a> " * 150_000,
    "attributes without end": b"<p " + b"a=1 " * 500_000 + b">hello</p>",
    "one word of 3 MB": PAGE.format("x" * 3_000_000).encode(),
    "one sentence of 3 MB": PAGE.format("hello there " * 250_000).encode(),
    "a million short lines": PAGE.format("a.<br>" * 400_000).encode(),
    "spaces": PAGE.format(" " * 3_000_000).encode(),
    "entity bomb": laughs().encode() + PAGE.format("&j;").encode(),
    "entity of a file": b'<!DOCTYPE html [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + PAGE.format("&a;").encode(),
    "comment without end": b"<!--" + b"-" * 1_000_000,
    "data that calls itself packed": b"\x1f\x8b\x08" + bytes(1_000_000),
    "JSON-LD of brackets": b'<script type="application/ld+json">' + b"[" * 200_000 + b"</script><p>hello</p>",
    "a base elsewhere": b"<base href='javascript:alert(1)'><link rel=canonical href='javascript:alert(1)'><p>hello</p>",
    "nothing": b"",
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", PAGES)
async def test_a_hostile_page_is_read_or_refused(name: str) -> None:
    """In the time and the memory of a child, which is ended when it takes more."""
    try:
        reading = await in_child(read_page, Page(url="https://news.example/1", body=PAGES[name]))
    except AnalysisError as refused:
        assert refused.code in {Failure.ANALYSIS_TIMEOUT, Failure.ANALYSIS_CRASHED}
        return
    assert SECRET not in reading.text
    assert "\x00" not in reading.text + reading.title


@pytest.mark.parametrize(
    "charset", ["punycode", "idna", "undefined", "unicode_escape", "rot13", "zip", "utf-8\x00", "../etc", "x" * 40]
)
def test_what_only_python_calls_an_encoding_is_none(charset: str) -> None:
    # Punycode would take quadratic time, that is minutes for these.
    body = "dép\\x41 ".encode() * 400_000
    assert decode(body, charset).startswith("dép\\x41 dép")


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from([
            b"<rss version='2.0'>", b"<channel>", b"<item>", b"</item>", b"<title>", b"</title>", b"<link>", b"</link>",
            b"http://x.example/1", b"<feed xmlns='http://www.w3.org/2005/Atom'>", b"<entry>", b"<id>",
            b"<link href='//[x'/>", b"<pubDate>", b"Mon, 32 Foo 2024", b"<guid isPermaLink='x'>", b"&#x110000;",
            b"&#0;", b"<![CDATA[", b"]]>", b"<!DOCTYPE x [", b"<!ENTITY a 'b'>", b"]>", b"&a;", b"<?xml encoding='",
            b"utf-16", b"'?>", b"xml:base='http://[::'", b"<content type='xhtml'>", b"<div>", JSON, b"[", b"{",
            b'"url":', b'"http://x"', b"}", b"]", b"<georss:point>", b"<media:content url='", b"<itunes:author>",
        ]) | st.binary(max_size=8),
        max_size=25,
    ).map(b"".join)
)  # fmt: skip
def test_whatever_a_feed_says_it_is_a_feed_or_none(body: bytes) -> None:
    with suppress(NotAFeed):
        assert isinstance(parse_feed(body, URL), Feed)

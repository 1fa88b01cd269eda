"""Reading feeds."""

from datetime import UTC, datetime

import pytest

from ingest.fetching.feeds import NotAFeed, parse_feed

URL = "https://news.example/feeds/all.xml"


def test_rss() -> None:
    feed = parse_feed(
        b"""<rss version="2.0"><channel><title>The &amp;amp; Times</title>
        <item><title>AT&amp;amp;T &lt;b&gt;wins&lt;/b&gt;</title><link>https://news.example/1</link>
        <pubDate>Mon, 05 Jan 2026 10:00:00 +0200</pubDate><author>a@b (Ann)</author></item>
        <item><title>No link</title><guid>https://news.example/2</guid></item>
        <item><title>Not an address</title><guid isPermaLink="false">abc</guid></item>
        <item><title>Again</title><link>https://news.example/1</link></item></channel></rss>""",
        URL,
    )
    assert feed.title == "The & Times"
    assert [entry.url for entry in feed.entries] == ["https://news.example/1", "https://news.example/2"]
    assert feed.entries[0].title == "AT&T wins"
    assert feed.entries[0].published_at == datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def test_links_are_relative_to_xml_base_else_to_the_feed() -> None:
    feed = parse_feed(
        b"""<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://other.example/a/"><title>T</title>
        <entry xml:base="b/"><title>1</title><link href="x.html"/></entry>
        <entry><title>2</title><link rel="self" href="/self"/>
        <link rel="alternate" href="y.html"/></entry></feed>""",
        URL,
    )
    assert [entry.url for entry in feed.entries] == [
        "https://other.example/a/b/x.html",
        "https://other.example/a/y.html",
    ]
    plain = parse_feed(b"<rss version='2.0'><channel><item><link>../z</link></item></channel></rss>", URL)
    assert [entry.url for entry in plain.entries] == ["https://news.example/z"]


def test_rdf() -> None:
    feed = parse_feed(
        b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">
        <channel rdf:about="x"><title>Old</title></channel>
        <item rdf:about="https://news.example/r"><title>R</title><link>https://news.example/r</link></item></rdf:RDF>""",
        URL,
    )
    assert [entry.url for entry in feed.entries] == ["https://news.example/r"]


def test_broken_xml_gives_what_can_be_read() -> None:
    feed = parse_feed(b"<rss version='2.0'><channel><item><link>https://news.example/1</link><title>A & B</item>", URL)
    assert [entry.url for entry in feed.entries] == ["https://news.example/1"]


@pytest.mark.parametrize("body", [b"", b"hello", b"<html><body>Not a feed</body></html>", b"\x00\xff"])
def test_what_is_no_feed_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(NotAFeed):
        parse_feed(body, URL)


@pytest.mark.parametrize("link", ["javascript:alert(1)", "ftp://x/", "http://[bad", ""])
def test_links_that_are_no_pages_are_left_out(link: str) -> None:
    assert not parse_feed(
        f"<rss version='2.0'><channel><item><link>{link}</link></item></channel></rss>".encode(), URL
    ).entries


def test_entities_do_not_grow() -> None:
    bomb = b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY %c "&%c;&%c;&%c;&%c;&%c;&%c;&%c;&%c;">' % ((98 + n,) + (97 + n,) * 8) for n in range(20)
    )
    feed = parse_feed(bomb + b"]><rss version='2.0'><channel><title>&u;</title></channel></rss>", URL)
    assert len(feed.title) < 1000


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("a &amp;lt; b &amp;gt; c", "a < b > c"),
        ("safe&lt;script&gt;alert(1)&lt;/script&gt; title", "safe title"),
        ("&lt;!-- hidden --&gt;seen", "seen"),
    ],
)
def test_a_title_is_what_a_person_would_read(title: str, shown: str) -> None:
    body = f"<rss version='2.0'><channel><item><link>/1</link><title>{title}</title></item></channel></rss>"
    assert parse_feed(body.encode(), URL).entries[0].title == shown


def test_an_id_stays_as_it_was_written_and_the_site_is_known() -> None:
    feed = parse_feed(
        b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title><link href="/home"/>
        <entry><id>tag:1</id><link href="/1"/></entry></feed>""",
        URL,
    )
    assert (feed.site_url, feed.entries[0].id) == ("https://news.example/home", "tag:1")

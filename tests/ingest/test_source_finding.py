"""From a site's address to its feeds."""

import asyncio

import pytest

from ingest.fetching.fetch import Bounds, Fetcher
from ingest.sources import finding
from ingest.sources.finding import NothingFound, feeds_named_in, find_feeds
from tests.ingest.servers import Answer, RawServer, drip, reply

FEED = b"<rss version='2.0'><channel><title>The Times</title><link>/</link><item><link>/1</link></item></channel></rss>"
SITE = "https://news.example/blog/"


async def found_at(answers: dict[str, Answer], path: str = "/") -> tuple[list[finding.Found], RawServer]:
    async with RawServer(answers) as server, Fetcher(Bounds(seconds=5), allowed=frozenset({server.host})) as fetcher:
        return await find_feeds(server.url(path), fetcher), server


async def refusal_of(answers: dict[str, Answer], bounds: Bounds | None = None) -> str:
    async with RawServer(answers) as server, Fetcher(bounds, allowed=frozenset({server.host})) as fetcher:
        with pytest.raises(NothingFound) as nothing:
            await find_feeds(server.url(), fetcher)
    return str(nothing.value)


async def test_the_address_of_a_feed_is_the_feed() -> None:
    (feed,), server = await found_at({"/": reply(FEED)})
    assert (feed.url, feed.title, feed.site_url, feed.entries) == (server.url(), "The Times", server.url(), 1)
    assert server.requests == ["/"]


async def test_where_an_address_leads_elsewhere_the_feed_is_there() -> None:
    answers = {"/": reply(status="301 Moved", Location="/new"), "/new": reply(FEED)}
    (feed,), server = await found_at(answers)
    assert feed.url == server.url("/new")


async def test_a_page_names_its_feeds_and_a_person_chooses() -> None:
    page = b"""<title>x</title><link rel="alternate" type="application/rss+xml" title="All" href="/all.xml">
    <link rel="alternate" type="application/atom+xml; charset=utf-8" href="atom.xml">"""
    feeds, server = await found_at({"/": reply(page)})
    assert [(one.url, one.title, one.kind) for one in feeds] == [
        (server.url("/all.xml"), "All", "RSS"), (server.url("/atom.xml"), "", "Atom"),
    ]  # fmt: skip


async def test_a_page_that_names_none_is_asked_at_the_usual_places() -> None:
    (feed,), server = await found_at({"/blog/": reply(b"<p>Hello"), "/rss.xml": reply(FEED)}, "/blog/")
    assert feed.url == server.url("/rss.xml")
    assert server.requests[1] == "/blog/feed", "beside the page first"


async def test_that_there_is_none_is_said_after_a_bounded_number_of_questions() -> None:
    async with RawServer({"/": reply(b"<p>Hello")}) as server, Fetcher(allowed=frozenset({server.host})) as fetcher:
        with pytest.raises(NothingFound, match="no feed at this address"):
            await find_feeds(server.url(), fetcher)
    assert len(server.requests) <= 13


async def test_a_server_in_trouble_is_not_asked_everywhere() -> None:
    async def hang_up(writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with (
        RawServer({"/": reply(b"<p>Hello"), "/feed": hang_up}) as server,
        Fetcher(allowed=frozenset({server.host})) as fetcher,
    ):
        with pytest.raises(NothingFound):
            await find_feeds(server.url(), fetcher)
    assert server.requests == ["/", "/feed"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reply(status="404 Not Found"), "does not exist"),
        (reply(status="500 Oops"), "answered with an error"),
        (reply(status="302 Found", Location="http://169.254.169.254/"), "private network"),
        (drip, "took too long"),
    ],
)
async def test_why_nothing_was_found_is_said_plainly(answer: Answer, said: str) -> None:
    assert said in await refusal_of({"/": answer}, Bounds(seconds=0.3))


async def test_looking_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "SECONDS", 0.2)
    assert "took too long" in await refusal_of({"/": drip})


@pytest.mark.parametrize(
    ("markup", "addresses"),
    [
        ('<base href="https://cdn.example/x/"><link rel=alternate type="application/rss+xml" href=f>', ["https://cdn.example/x/f"]),
        ('<link rel="ALTERNATE feed" TYPE="APPLICATION/RSS+XML" href=" /f ">', ["https://news.example/f"]),
        ('<a rel="alternate" type="application/feed+json" href="f.json">Feed</a>', [SITE + "f.json"]),
        ('<link rel=alternate hreflang=de href=/de><link rel=stylesheet type="text/xml" href=/s>', []),
        ('<link rel=alternate type="application/rss+xml" href="javascript:alert(1)">', []),
        ('<link rel=alternate type="application/rss+xml" href="http://[bad"><base href="http://[bad">', []),
        ('<link rel=alternate type="application/rss+xml" href=/f>' * 50, ["https://news.example/f"]),
        ("", []), ("\x00", []),
    ],
)  # fmt: skip
def test_what_a_page_names(markup: str, addresses: list[str]) -> None:
    assert [one.url for one in feeds_named_in(markup.encode(), SITE)] == addresses

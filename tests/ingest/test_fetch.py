"""Fetching within bounds."""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ingest.decisions import Failure
from ingest.fetching.fetch import Bounds, Fetcher
from ingest.fetching.guard import FetchError
from ingest.fetching.hosts import hosts
from tests.ingest.servers import Answer, RawServer, drip, gzipped, reply
from tests.waiting import eventually_async

BOUNDS = Bounds(seconds=5, page_bytes=100_000, feed_bytes=200_000)


@asynccontextmanager
async def serving(answers: dict[str, Answer], bounds: Bounds = BOUNDS) -> AsyncIterator[tuple[RawServer, Fetcher]]:
    async with RawServer(answers) as server, Fetcher(bounds, allowed=frozenset({server.host})) as fetcher:
        yield server, fetcher


async def refusal(fetcher: Fetcher, url: str) -> FetchError:
    with pytest.raises(FetchError) as refused:
        await fetcher.page(url)
    return refused.value


async def test_a_page_comes_with_its_charset_and_final_address() -> None:
    async with serving(
        {
            "/": reply(status="301 Moved", Location="/new?x=1"),
            "/new?x=1": reply(b"caf\xe9", Content_Type="text/html; charset=latin-1"),
        }
    ) as (server, fetcher):
        page = await fetcher.page(server.url())
    assert (page.url, page.body, page.charset) == (server.url("/new?x=1"), b"caf\xe9", "latin-1")


async def test_compressed_pages_are_unpacked() -> None:
    async with serving({"/": gzipped(b"hello " * 100)}) as (server, fetcher):
        assert (await fetcher.page(server.url())).body == b"hello " * 100


async def test_a_bomb_is_stopped_at_the_limit_and_not_unpacked() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(200)) + packer.flush()
    async with serving({"/": reply(bomb, Content_Encoding="gzip")}) as (server, fetcher):
        started = time.process_time()
        assert (await refusal(fetcher, server.url())).code == Failure.TOO_LARGE
        # 200 MB take a second to unpack; what we allow takes no time.
        assert time.process_time() - started < 0.3


async def test_a_page_without_end_is_stopped_at_the_limit() -> None:
    async def flood(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    async with serving({"/": flood}) as (server, fetcher):
        assert (await refusal(fetcher, server.url())).code == Failure.TOO_LARGE


async def test_a_dripping_server_cannot_stretch_the_deadline() -> None:
    async with serving({"/": drip}, Bounds(seconds=0.3)) as (server, fetcher):
        started = time.monotonic()
        assert (await refusal(fetcher, server.url())).code == Failure.TIMEOUT
        assert time.monotonic() - started < 3


async def test_a_silent_server_is_left_at_the_deadline() -> None:
    async def silence(writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with serving({"/": silence}, Bounds(seconds=0.3)) as (server, fetcher):
        assert (await refusal(fetcher, server.url())).code == Failure.TIMEOUT


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (reply(status="404 Not Found"), Failure.NOT_FOUND),
        (reply(status="410 Gone"), Failure.GONE),
        (reply(status="429 Too Many Requests"), Failure.BUSY),
        (reply(status="403 Forbidden"), Failure.HTTP_ERROR),
        (reply(status="500 Oops"), Failure.HTTP_ERROR),
        (reply(status="302 Found", Location="/"), Failure.TOO_MANY_REDIRECTS),
        (reply(status="302 Found"), Failure.HTTP_ERROR),
        (reply(status="302 Found", Location="http://[bad"), Failure.BAD_URL),
        (reply(status="302 Found", Location="ftp://example.org/"), Failure.BAD_URL),
        (reply(b"%PDF", Content_Type="application/pdf"), Failure.BAD_CONTENT),
        (reply(b"not gzip", Content_Encoding="gzip"), Failure.BAD_CONTENT),
        (reply(b"x", Content_Encoding="gzip, gzip"), Failure.BAD_CONTENT),
        (b"SSH-2.0-OpenSSH_9.9\r\n", Failure.CONNECTION),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", Failure.CONNECTION),
        (b"", Failure.CONNECTION),
    ],
)  # fmt: skip
async def test_each_kind_of_trouble_has_its_code(answer: bytes, code: Failure) -> None:
    async with serving({"/": answer}) as (server, fetcher):
        assert (await refusal(fetcher, server.url())).code == code


async def test_a_server_that_is_not_there_is_a_failed_connection() -> None:
    async with serving({}) as (server, fetcher):
        gone = server.url()
        server._server.close()
        assert (await refusal(fetcher, gone)).code == Failure.CONNECTION


async def test_no_more_than_two_connections_to_one_host() -> None:
    asked = asyncio.Event()

    async def patient(writer: asyncio.StreamWriter) -> None:
        await asked.wait()
        writer.write(reply(b"x"))

    async with serving({"/": patient}) as (server, fetcher):
        pages = [asyncio.create_task(fetcher.page(server.url())) for _ in range(6)]
        await eventually_async(lambda: server.busy == 2)
        asked.set()
        await asyncio.gather(*pages)
    assert server.most_busy == 2
    assert len(server.requests) == 6


async def test_a_feed_is_asked_for_only_if_it_changed() -> None:
    async with serving({"/": reply(b"<rss/>", ETag='"1"', Last_Modified="Mon, 01 Jan 2024 00:00:00 GMT")}) as (
        server,
        fetcher,
    ):
        feed = await fetcher.feed(server.url())
        assert (feed.etag, feed.last_modified) == ('"1"', "Mon, 01 Jan 2024 00:00:00 GMT")
        server.answers["/"] = reply(status="304 Not Modified")
        again = await fetcher.feed(server.url(), etag=feed.etag, last_modified=feed.last_modified)
    assert (again.status, again.body) == (304, b"")
    assert 'if-none-match: "1"' in server.heads[1].lower()
    assert "if-modified-since: mon, 01 jan 2024" in server.heads[1].lower()


@pytest.mark.parametrize(
    ("header", "seconds"), [("120", 120.0), ("junk", None), ("Mon, 01 Jan 2024 00:00:00 GMT", 0.0)]
)
async def test_a_server_that_asks_us_to_wait_is_heard(header: str, seconds: float | None) -> None:
    async with serving({"/": reply(status="503 Busy", Retry_After=header)}) as (server, fetcher):
        assert (await refusal(fetcher, server.url())).retry_after == seconds


async def test_runs_of_one_process_share_the_two_connections_to_a_host() -> None:
    asked = asyncio.Event()

    async def patient(writer: asyncio.StreamWriter) -> None:
        await asked.wait()
        writer.write(reply(b"x"))

    async with serving({"/": patient}) as (server, first), Fetcher(BOUNDS, allowed=frozenset({server.host})) as second:
        pages = [asyncio.create_task(one.page(server.url())) for one in (first, second) * 3]
        await eventually_async(lambda: server.busy == 2)
        asked.set()
        await asyncio.gather(*pages)
    assert server.most_busy == 2
    assert not hosts()._turns, "what nobody waits for is forgotten"


async def test_a_host_that_asks_a_run_to_wait_is_not_asked_again_meanwhile() -> None:
    async with serving({"/": reply(status="429 Slow down", Retry_After="60")}) as (server, fetcher):
        for path in ("/", "/other"):
            refused = await refusal(fetcher, server.url(path))
            assert refused.code == Failure.BUSY
            assert 59 < (refused.retry_after or 0) <= 60
        assert server.requests == ["/"]
        server.answers["/"] = reply(b"x")
        fetcher._busy_until[server.host] = time.monotonic() + 0.05
        assert (await fetcher.page(server.url())).body == b"x", "a moment is waited for"


@pytest.mark.parametrize(
    ("first", "second", "is_for_good"),
    [("301 Moved", "308 Moved", True), ("301 Moved", "302 Found", False), ("307 Here", "301 Moved", False)],
)
async def test_an_address_has_moved_for_good_if_every_step_says_so(first: str, second: str, is_for_good: bool) -> None:
    answers: dict[str, Answer] = {
        "/": reply(status=first, Location="/b"), "/b": reply(status=second, Location="/c"), "/c": reply(b"x"),
    }  # fmt: skip
    async with serving(answers) as (server, fetcher):
        fetched = await fetcher.feed(server.url())
        assert fetched.url == server.url("/c")
        assert fetched.moved_to == (server.url("/c") if is_for_good else "")
        assert (await fetcher.feed(server.url("/c"))).moved_to == ""


async def test_one_page_in_trouble_does_not_keep_us_from_the_others_of_its_host() -> None:
    answers: dict[str, Answer] = {"/": reply(status="503 Busy", Retry_After="60"), "/other": reply(b"x")}
    async with serving(answers) as (server, fetcher):
        assert (await refusal(fetcher, server.url())).retry_after == 60
        assert (await fetcher.page(server.url("/other"))).body == b"x"

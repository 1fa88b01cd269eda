"""Servers that mean us no good: each fetch ends in time, within its memory, and with a reason."""

import asyncio
import gzip
import time
import tracemalloc
from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decisions import Failure
from ingest.fetching.fetch import Bounds, Fetcher
from ingest.fetching.guard import FetchError
from tests.ingest.hostile_servers import HOPS, HOSTILE_SERVERS, PAGE_BYTES, HostileServer, bomb, encoded, endless
from tests.ingest.servers import RawServer, reply
from tests.waiting import eventually_async

BOUNDS = Bounds(seconds=0.5, page_bytes=PAGE_BYTES)


def path_of(server: HostileServer) -> str:
    return "/" + quote(server.rule)


async def ending(fetcher: Fetcher, url: str) -> Failure | bytes:
    """How a fetch ends: with a failure's code, or the body."""
    try:
        return (await fetcher.page(url)).body
    except FetchError as error:
        assert str(error).endswith(".")
        return error.code


def test_the_corpus_is_as_large_as_we_say() -> None:
    assert len({server.rule for server in HOSTILE_SERVERS}) == len(HOSTILE_SERVERS) >= 12


@pytest.mark.parametrize("hostile", HOSTILE_SERVERS, ids=lambda server: server.rule)
async def test_a_hostile_server_is_left_in_time_with_a_reason(hostile: HostileServer) -> None:
    # Those that do not tire are given half a second; nobody else should need the time.
    bounds = BOUNDS if hostile.ends == Failure.TIMEOUT else Bounds(page_bytes=PAGE_BYTES)
    good = {"/good": reply(b"good")}
    async with (
        RawServer({**HOPS, **good, path_of(hostile): hostile.answer}) as server,
        Fetcher(bounds, allowed=frozenset({server.host})) as fetcher,
    ):
        started = time.monotonic()
        end = await ending(fetcher, server.url(path_of(hostile)))
        assert time.monotonic() - started < bounds.seconds + 2
        if isinstance(hostile.ends, Failure) or hostile.ends == b"":
            assert end == hostile.ends
        else:
            assert isinstance(end, bytes) and end.startswith(hostile.ends)
        # Nothing of it is left in the client: the next page of the same host is read as if nothing had been.
        assert await ending(fetcher, server.url("/good")) == b"good"
        await eventually_async(lambda: server.busy == 0, what="the connection is closed")


@pytest.mark.parametrize(
    "answer",
    [
        encoded("gzip", bomb(31)),
        encoded("deflate", bomb(-15)),
        endless(bytes(65_536)),
        endless(bytes(65_536), head=b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"")),
    ],
    ids=["gzip bomb", "raw deflate bomb", "endless body", "endless after an empty gzip"],
)  # fmt: skip
async def test_a_page_never_takes_more_memory_than_a_few_times_its_limit(answer: bytes) -> None:
    async with RawServer({"/": answer}) as server, Fetcher(allowed=frozenset({server.host})) as fetcher:
        tracemalloc.start()
        try:
            assert await ending(fetcher, server.url()) == Failure.TOO_LARGE
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    # The limit, what was unpacked last, and the buffers of both ends: a bomb would make it a thousand megabytes.
    assert peak < 4 * PAGE_BYTES


async def test_cookies_are_not_kept() -> None:
    answers = {
        "/": reply(status="302 Found", Location="/next", Set_Cookie="session=1; Path=/; Expires=Mon, 01 Jan 2125"),
        "/next": reply(b"x", Set_Cookie="more=2"),
    }
    async with RawServer(answers) as server, Fetcher(allowed=frozenset({server.host})) as fetcher:
        await fetcher.page(server.url())
        await fetcher.page(server.url())
    assert len(server.heads) == 4
    assert not any("cookie" in head.lower() for head in server.heads)


@pytest.mark.parametrize("etag", ['"gr\u00fcn"', '"' + "x" * 600 + '"', "W/\x7f"])
async def test_a_mark_of_a_version_that_cannot_be_sent_back_is_not_kept(etag: str) -> None:
    """Sent back, it would make every later reading of the feed fail; cut off, it would match nothing."""
    answer = reply(b"<rss/>", ETag="HERE", Last_Modified="HERE").replace(b"HERE", etag.encode("latin-1"))
    async with RawServer({"/": answer}) as server, Fetcher(allowed=frozenset({server.host})) as fetcher:
        feed = await fetcher.feed(server.url())
        again = await fetcher.feed(server.url(), etag=feed.etag, last_modified=feed.last_modified)
    assert (feed.etag, feed.last_modified) == ("", "")
    assert again.body == b"<rss/>"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Failure.CONNECTION),
        (bytes(range(256)) * 100, Failure.CONNECTION),
        (b"\x15\x03\x03\x00\x02\x02\x28", Failure.CONNECTION),
        (b"", Failure.TIMEOUT),
        (b"\x16\x03\x03\x00\x7a", Failure.TIMEOUT),
    ],
    ids=["plain HTTP", "garbage", "an alert", "silence", "half a handshake"],
)
async def test_a_port_without_tls_behind_it_is_left_in_time_and_for_good(answer: bytes, code: Failure) -> None:
    hung_up = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        with suppress(OSError):
            while await reader.read(1_000):
                pass
        hung_up.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        async with Fetcher(BOUNDS, allowed=frozenset({host})) as fetcher:
            started = time.monotonic()
            assert await ending(fetcher, f"https://{host}/") == code
            assert time.monotonic() - started < BOUNDS.seconds + 2
            async with asyncio.timeout(5):
                await hung_up.wait()
    finally:
        server.close()
        server.close_clients()


@settings(max_examples=150)
@given(
    answers=st.lists(
        st.lists(
            st.sampled_from([
                b"HTTP/1.1 ", b"200 OK", b"302 Found", b"304 ", b"\r\n", b"\r\n\r\n", b"\n", b"Location: ", b"http://",
                b"//", b"/x", b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Content-Encoding: ", b"gzip",
                b"deflate", b"Content-Type: text/html; charset=", b"5\r\nhello\r\n", b"0\r\n\r\n", b"\x1f\x8b\x08",
                b"Retry-After: ", b"503 Busy", b"ETag: ", b"\xff", b"\x00", b"[::1]", b"@", b"hello",
            ]) | st.binary(max_size=12),
            max_size=14,
        ).map(b"".join),
        min_size=5,
        max_size=5,
    )
)  # fmt: skip
def test_whatever_a_server_says_a_fetch_ends_with_a_page_or_a_reason(answers: list[bytes]) -> None:
    async def fetch_all() -> None:
        paths = {f"/{number}": answer for number, answer in enumerate(answers)}
        async with RawServer(paths) as server, Fetcher(BOUNDS, allowed=frozenset({server.host})) as fetcher:
            await asyncio.gather(*(ending(fetcher, server.url(path)) for path in paths))

    asyncio.run(fetch_all())

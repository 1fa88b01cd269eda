"""Servers that mean us no good, each with the rule it stands for and how a fetch of it ends."""

import asyncio
import gzip
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from ingest.decisions import Failure
from tests.ingest.servers import Answer, drip, reply

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
PAGE_BYTES = 3_000_000
MEGABYTE = bytes(1_000_000)
COUNTING = b" ".join(b"%d" % number for number in range(5_000))


class HostileServer(NamedTuple):
    """What it answers, and how the fetch ends: a failure's code, or the body that is kept of it."""

    rule: str
    answer: Answer
    ends: Failure | bytes


def bomb(wbits: int) -> bytes:
    """One megabyte that unpacks to a thousand. Flushed block by block it repeats, so that it is made in no time."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    first = packer.compress(MEGABYTE) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(MEGABYTE) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + block * 999


def endless(piece: bytes, *, head: bytes = HEAD + b"\r\n") -> Answer:
    """`head`, then `piece` for ever, as fast as it is read."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()

    return answer


def dripping(piece: bytes, *, head: bytes = b"") -> Answer:
    """`head`, then a piece now and then: each comes before any read would time out."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.05)

    return answer


def silent(head: bytes = b"") -> Answer:
    """`head`, then nothing more."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await asyncio.Event().wait()

    return answer


def slow_hop(target: str) -> Answer:
    """A redirect that takes its time: each alone is within the deadline."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        writer.write(reply(status="302 Found", Location=target))

    return answer


def redirect(target: str, **headers: str) -> bytes:
    """A redirect."""
    return reply(status="302 Found", Location=target, **headers)


def encoded(coding: str, body: bytes) -> bytes:
    """A page with this Content-Encoding."""
    return reply(body, Content_Encoding=coding)


def _servers() -> Iterator[HostileServer]:
    table: dict[str, tuple[Answer, Failure | bytes]] = {
        # Bombs: what is unpacked is counted, and so is what arrives.
        "gzip bomb, 1 MB of a gigabyte": (encoded("gzip", bomb(31)), Failure.TOO_LARGE),
        "deflate bomb": (encoded("deflate", bomb(15)), Failure.TOO_LARGE),
        "deflate bomb without its head": (encoded("deflate", bomb(-15)), Failure.TOO_LARGE),
        "bomb that calls itself x-gzip": (encoded("X-GZIP", bomb(31)), Failure.TOO_LARGE),
        "nested gzip, both said": (encoded("gzip, gzip", gzip.compress(gzip.compress(b"x"))), Failure.BAD_CONTENT),
        "nested gzip, in two headers": (
            HEAD + b"Content-Encoding: gzip\r\nContent-Encoding: deflate\r\n\r\nx",
            Failure.BAD_CONTENT,
        ),
        # One layer is taken off, and never what lies within.
        "nested gzip, one said": (
            encoded("gzip", gzip.compress(inner := gzip.compress(MEGABYTE * 100, 9))),
            inner,
        ),
        "endless after the end of a gzip": (
            endless(MEGABYTE, head=HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"short")),
            Failure.TOO_LARGE,
        ),
        "endless blocks of nothing": (
            endless(b"\x00\x00\x00\xff\xff" * 10_000, head=HEAD + b"Content-Encoding: deflate\r\n\r\n" + b"\x78\x9c"),
            Failure.TOO_LARGE,
        ),
        "gzip that breaks off": (encoded("gzip", gzip.compress(COUNTING)[:-100]), COUNTING[:1_000]),
        "gzip that is none": (encoded("gzip", b"<p>hello"), Failure.BAD_CONTENT),
        "deflate that is none": (encoded("deflate", b"<p>hello"), Failure.BAD_CONTENT),
        "brotli nobody asked for": (encoded("br", b"\x0b\x02\x80hello\x03"), Failure.BAD_CONTENT),
        "zstd nobody asked for": (encoded("zstd", b"(\xb5/\xfd\x04\x00"), Failure.BAD_CONTENT),
        "an encoding that does not exist": (encoded("utf-8", b"hello"), b"hello"),
        # Size.
        "3 MB": (reply(bytes(PAGE_BYTES)), bytes(PAGE_BYTES)),
        "3 MB and one byte": (reply(bytes(PAGE_BYTES + 1)), Failure.TOO_LARGE),
        "3 MB and one byte, packed": (encoded("gzip", gzip.compress(bytes(PAGE_BYTES + 1))), Failure.TOO_LARGE),
        "endless body": (endless(b"x" * 65_536), Failure.TOO_LARGE),
        "endless chunks": (endless(b"4000\r\n" + b"x" * 0x4000 + b"\r\n", head=CHUNKED), Failure.TOO_LARGE),
        "one chunk without end": (endless(b"x" * 65_536, head=CHUNKED + b"FFFFFFFFFFFFFFFF\r\n"), Failure.TOO_LARGE),
        "endless name of a chunk": (endless(b"x" * 65_536, head=CHUNKED + b"1;"), Failure.CONNECTION),
        "endless trailers": (endless(b"X: y\r\n" * 1_000, head=CHUNKED + b"1\r\nx\r\n0\r\n"), Failure.CONNECTION),
        "endless headers": (endless(b"X-More: and more\r\n" * 1_000, head=HEAD), Failure.CONNECTION),
        "endless header": (endless(b"x" * 65_536, head=HEAD + b"X-Long: "), Failure.CONNECTION),
        "endless status line": (endless(b"O" * 65_536, head=b"HTTP/1.1 200 "), Failure.CONNECTION),
        # Time.
        "drip of a body": (drip, Failure.TIMEOUT),
        "drip of chunks": (dripping(b"1\r\nx\r\n", head=CHUNKED), Failure.TIMEOUT),
        "drip of headers": (dripping(b"X-More: and more\r\n", head=HEAD), Failure.TIMEOUT),
        "drip of a header": (dripping(b"x", head=HEAD + b"X-Long: "), Failure.TIMEOUT),
        "drip of a status line": (dripping(b"O", head=b"HTTP/1.1 200 "), Failure.TIMEOUT),
        "drip of hints": (dripping(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"), Failure.TIMEOUT),
        "flood of hints": (endless(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", head=b""), Failure.TIMEOUT),
        "drip of a gzip": (
            dripping(b"\x00\x00\x00\xff\xff", head=HEAD + b"Content-Encoding: deflate\r\n\r\n\x78\x9c"),
            Failure.TIMEOUT,
        ),
        "never answers": (silent(), Failure.TIMEOUT),
        "stops after the headers": (silent(HEAD + b"Content-Length: 10\r\n\r\n"), Failure.TIMEOUT),
        "stops before its last byte": (silent(reply(b"hello")[:-1]), Failure.TIMEOUT),
        "body of a 304, slow": (dripping(b"x", head=b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"), b""),
        "body of a 404, slow": (
            dripping(b"x", head=b"HTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\n"),
            Failure.NOT_FOUND,
        ),
        # Redirects.
        "redirect to itself": (redirect("/redirect%20to%20itself"), Failure.TOO_MANY_REDIRECTS),
        "redirect loop": (redirect("/hop/loop"), Failure.TOO_MANY_REDIRECTS),
        "redirect chain of six": (redirect("/hop/5"), Failure.TOO_MANY_REDIRECTS),
        "redirect chain of five": (redirect("/hop/4"), b"the end"),
        "redirect chain to a private address": (redirect("/hop/private"), Failure.BLOCKED_ADDRESS),
        "redirect chain to a file": (redirect("/hop/file"), Failure.BAD_URL),
        "redirects that take their time": (slow_hop("/hop/slow"), Failure.TIMEOUT),
        "redirect with a body without end": (
            endless(b"x" * 65_536, head=b"HTTP/1.1 302 Found\r\nLocation: /hop/0\r\n\r\n"),
            b"the end",
        ),
        "redirect to nothing": (redirect(""), Failure.HTTP_ERROR),
        "redirect that is no text": (redirect("HERE").replace(b"HERE", b"/\xff\xfe"), Failure.NOT_FOUND),
        "redirect of 50 KB": (redirect("/" + "a" * 50_000), Failure.BAD_URL),
        # Answers that are none.
        "says nothing and hangs up": (b"", Failure.CONNECTION),
        "HTTP/0.9": (b"<html><p>hello</p></html>", Failure.CONNECTION),
        "another protocol": (b"SSH-2.0-OpenSSH_9.9\r\n", Failure.CONNECTION),
        "TLS without being asked": (b"\x16\x03\x03\x00\x40" + bytes(range(64)), Failure.CONNECTION),
        "status that is none": (b"HTTP/1.1 abc OK\r\n\r\n", Failure.CONNECTION),
        "status nobody knows": (reply(b"x", status="999 Go Away"), Failure.HTTP_ERROR),
        "part of a page": (reply(b"x", status="206 Partial Content", Content_Range="bytes 0-0/9"), Failure.HTTP_ERROR),
        "header without a colon": (HEAD + b"nonsense\r\n\r\n", Failure.CONNECTION),
        "NUL in a header": (HEAD + b"ETag: a\x00b\r\n\r\n", Failure.CONNECTION),
        "length longer than the body": (HEAD + b"Content-Length: 50\r\n\r\nshort", Failure.CONNECTION),
        "length shorter than the body": (HEAD + b"Content-Length: 5\r\n\r\nhello" + reply(b"smuggled"), b"hello"),
        "length below nought": (HEAD + b"Content-Length: -1\r\n\r\nx", Failure.CONNECTION),
        "length of twenty digits": (HEAD + b"Content-Length: 99999999999999999999\r\n\r\nx", Failure.CONNECTION),
        "two lengths": (HEAD + b"Content-Length: 1\r\nContent-Length: 5\r\n\r\nhello", Failure.CONNECTION),
        "chunks that are none": (CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n", Failure.CONNECTION),
        "chunk below nought": (CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n", Failure.CONNECTION),
        "chunks that break off": (CHUNKED + b"5\r\nhel", Failure.CONNECTION),
        "chunks within gzip within nothing": (
            HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            Failure.CONNECTION,
        ),
        # What it says of itself.
        "picture": (reply(b"GIF89a", Content_Type="image/gif"), Failure.BAD_CONTENT),
        "picture that calls itself a page": (reply(b"\x89PNG\r\n\x1a\n"), b"\x89PNG\r\n\x1a\n"),
        "type that is no type": (reply(b"x", Content_Type="; ; =\xff"), b"x"),
        "type of 50 KB": (reply(b"x", Content_Type="text/html; charset=" + "x" * 50_000), b"x"),
        "date to wait for that is beyond time": (
            reply(status="503 Busy", Retry_After="1 Jan 99999999999 00:00:00"),
            Failure.HTTP_ERROR,
        ),
        "hours from Greenwich nobody lives at": (
            reply(status="503 Busy", Retry_After="Mon, 01 Jan 2024 00:00:00 +99999999"),
            Failure.HTTP_ERROR,
        ),
        "wait of a thousand digits": (reply(status="503 Busy", Retry_After="9" * 1_000), Failure.HTTP_ERROR),
    }
    for rule, (answer, ends) in table.items():
        yield HostileServer(rule, answer, ends)


HOSTILE_SERVERS = list(_servers())

# Where the redirects above lead.
HOPS: dict[str, Answer] = {
    "/hop/loop": redirect("/hop/loop2"),
    "/hop/loop2": redirect("/hop/loop"),
    "/hop/private": redirect("/hop/private2"),
    "/hop/private2": redirect("http://127.0.0.1/"),
    "/hop/file": redirect("file:///etc/passwd"),
    "/hop/slow": slow_hop("/hop/slow"),
    "/hop/0": reply(b"the end"),
    **{f"/hop/{number}": redirect(f"/hop/{number - 1}") for number in range(1, 6)},
}

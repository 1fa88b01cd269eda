"""Servers on loopback that answer with exactly the bytes a test wants, however improper."""

import asyncio
import gzip
import re
from collections.abc import Awaitable, Callable
from typing import Self

type Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


def reply(body: bytes = b"", *, status: str = "200 OK", **headers: str) -> bytes:
    """A whole HTTP response."""
    lines = {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(body))}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\nConnection: close\r\n{head}\r\n".encode() + body


def gzipped(body: bytes) -> bytes:
    """A response with a compressed body."""
    return reply(gzip.compress(body), Content_Encoding="gzip")


async def drip(writer: asyncio.StreamWriter) -> None:
    """A response that never ends: a few bytes now and then."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n")
    while True:
        writer.write(b"<p>")
        await writer.drain()
        await asyncio.sleep(0.02)


class RawServer:
    """Answers by path. Use as `async with RawServer({"/": reply(b"hello")}) as server`."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        self.answers = answers
        self.requests: list[str] = []
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.busy = self.most_busy = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._server.close()
        self._server.close_clients()
        await self._server.wait_closed()

    def url(self, path: str = "/") -> str:
        return f"http://{self.host}{path}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            path = head.split(" ")[1]
            length = re.search(r"(?im)^content-length: (\d+)", head)
            body = await reader.readexactly(int(length[1])) if length else b""
            # Asked for before the first page of a site; a test that is about it answers it.
            if path != "/robots.txt" or path in self.answers:
                self.requests.append(path)
            self.heads.append(head)
            self.bodies.append(body)
            answer = self.answers.get(path, reply(b"no", status="404 Not Found"))
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                # Whoever hangs up is told no more.
                answering, gone = asyncio.ensure_future(answer(writer)), asyncio.ensure_future(reader.read())
                await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
                answering.cancel()
                gone.cancel()
                await asyncio.gather(answering, gone, return_exceptions=True)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.busy -= 1
            writer.close()

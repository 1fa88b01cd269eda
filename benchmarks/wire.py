"""A WebSocket's client end that costs next to nothing: frames are cut out of the bytes by hand.

A client library would cost more than the server it measures.
"""

import asyncio
import base64
import os
from collections.abc import Callable, Mapping
from typing import Any

TEXT, CLOSE, PING = 1, 8, 9


class Wire(asyncio.Protocol):
    """One socket. `on_text` is given each text frame's bytes, `on_lost` why it was closed: a code, or 0."""

    def __init__(
        self,
        port: int,
        path: str,
        *,
        headers: Mapping[str, str],
        on_text: Callable[[bytes], None],
        on_lost: Callable[[int], None],
    ) -> None:
        said = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._hello = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n{said}\r\n"
        )
        self._on_text, self._on_lost = on_text, on_lost
        self._buffer = b""
        self._is_open = False
        self._code = 0
        self.greeted = asyncio.get_running_loop().create_future()
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Shake hands."""
        self.transport = transport
        transport.write(self._hello.encode())

    def data_received(self, data: bytes) -> None:
        """Hand on whole frames; keep the rest."""
        data = self._buffer + data
        if not self._is_open:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._buffer = head
                return
            if b" 101 " not in head:
                self.greeted.set_exception(ConnectionRefusedError(f"refused: {head[:200]!r}"))
                self.transport.close()
                return
            self._is_open = True
        at = 0
        while len(data) >= at + 2:
            size, start = data[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(data[at + 2 : at + 4]), at + 4
            elif size == 127:
                size, start = int.from_bytes(data[at + 2 : at + 10]), at + 10
            if len(data) < start + size:
                break
            self._take(data[at] & 15, data[start : start + size])
            at = start + size
        self._buffer = data[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        if not self.greeted.done():
            self.greeted.set_exception(ConnectionRefusedError(f"closed with {self._code} before a word was said"))
        self._on_lost(self._code)

    def _take(self, kind: int, body: bytes) -> None:
        if kind == PING:
            self.transport.write(bytes([0x8A, 0x80 | len(body)]) + b"\0\0\0\0" + body)
        elif kind == CLOSE:
            self._code = int.from_bytes(body[:2])
        elif kind == TEXT:
            if not self.greeted.done():
                self.greeted.set_result(None)
            self._on_text(body)


async def connect(port: int, path: str, **wire: Any) -> Wire:
    """Open one to loopback and wait for its first frame. The keywords are Wire's. Raises ConnectionRefusedError."""
    loop = asyncio.get_running_loop()
    _, opened = await loop.create_connection(lambda: Wire(port, path, **wire), "127.0.0.1", port)
    await opened.greeted
    return opened

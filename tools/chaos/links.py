"""The network between one process and what it talks to: a relay on loopback that can be stalled, cut, or half lost."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum

type Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
type Dial = Callable[[], Awaitable[Streams]]

CHUNK = 64 * 1024


class Trouble(StrEnum):
    """What can be wrong with a link. What TCP never does (bytes out of order, twice, left out) it does not either."""

    STALL = "stalled"  # nothing comes through; all of it does, later
    CUT = "cut"  # every connection is reset, once; new ones are fine
    REFUSE = "refusing"  # every connection is reset, and so is each new one
    NO_ANSWER = "without answers"  # what is asked arrives, no answer does; in the end the connections are reset


class Link:
    """A port of loopback behind which `dial` leads to the real thing."""

    def __init__(self, name: str, dial: Dial) -> None:
        self.name = name
        self._dial = dial
        # Bound at once: the address is known before anything runs.
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._server: asyncio.Server | None = None
        self._flows: dict[asyncio.StreamWriter, asyncio.StreamWriter | None] = {}
        self._asking, self._answering = asyncio.Event(), asyncio.Event()
        self._asking.set()
        self._answering.set()
        self._refuses = False
        self._serving: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Take connections from now on."""
        self._server = await asyncio.start_server(self._serve, sock=self._socket, backlog=256)

    async def close(self) -> None:
        """Reset what is open, take no more."""
        if self._server is not None:
            self._server.close()
        self.heal()
        self._reset_all()
        if self._serving:
            await asyncio.wait(self._serving, timeout=5)

    def harm(self, trouble: Trouble) -> None:
        """From now on it is so, until healed."""
        match trouble:
            case Trouble.STALL:
                self._asking.clear()
                self._answering.clear()
            case Trouble.CUT:
                self._reset_all()
            case Trouble.REFUSE:
                self._refuses = True
                self._reset_all()
            case Trouble.NO_ANSWER:
                self._answering.clear()

    def heal(self) -> None:
        """All is well again; a connection whose answers were lost is reset, for they cannot come any more."""
        if self._asking.is_set() and not self._answering.is_set():
            self._reset_all()
        self._refuses = False
        self._asking.set()
        self._answering.set()

    def _reset_all(self) -> None:
        for near, far in list(self._flows.items()):
            _reset(near)
            if far is not None:
                _reset(far)

    async def _serve(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this as a task
        self._serving.add(task)
        self._flows[near] = None
        try:
            await self._relay(reader, near)
        except OSError:
            _reset(near)
        finally:
            self._flows.pop(near, None)
            self._serving.discard(task)
            near.close()

    async def _relay(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        await self._asking.wait()
        if self._refuses or near.is_closing():
            _reset(near)
            return
        far_reader, far = await self._dial()
        self._flows[near] = far
        ways = [
            asyncio.create_task(_carry(reader, far, self._asking)),
            asyncio.create_task(_carry(far_reader, near, self._answering)),
        ]
        try:
            # Who hangs up on one side is heard of on the other, with all that was said before.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)
            far.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_open: asyncio.Event) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            await is_open.wait()
            writer.write(data)
            await writer.drain()
        await is_open.wait()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Hang up with RST: whatever was on its way is gone, and the other side hears so."""
    with suppress(OSError, AttributeError):
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()

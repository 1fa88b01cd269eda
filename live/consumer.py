"""What every socket of this project shares: who may open it, what it may send, when it is closed."""

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import InterfaceError, OperationalError

from . import closing, fragments, frames, origins, tokens
from .audience import Socket
from .closing import Refused
from .conf import conf
from .credentials import Credentials, credentials_of
from .database import in_database_thread
from .frames import Frame
from .groups import Group
from .hub import Hub
from .sinks import Sink
from .traffic import TRAFFIC

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["RAW_SEND", "LiveConsumer", "Refused"]

logger = logging.getLogger(__name__)

LARGEST_FRAME = 64 * 1024  # bytes
FRAMES_PER_SECOND = 20
# Where in a scope the server's own `send` stands, if the application put it there. Around it the middleware of sessions
# looks at the session for every message, though no frame changes one: a fifth of what a frame costs.
RAW_SEND = "live.send"


def lifetime() -> float:
    """Seconds until a socket is asked to come back: those that opened together, after a deploy, do not all at once."""
    return conf.LIVE_MAX_AGE_SECONDS * random.uniform(0.9, 1)  # noqa: S311


class LiveConsumer(AsyncWebsocketConsumer):
    """A socket that listens to the hub.

    A subclass says in `open` which groups it watches and in `greet` what it tells first. In `handlers`, which
    `open` fills, it says what it does with frames of the client besides `ping`: type of frame to bound method.
    """

    user: Any
    query: dict[str, str]  # of the address; of several values the last
    handlers: dict[str, Callable[[dict[str, Any]], Awaitable[None]]]
    language: str = ""  # of the HTML it hears; empty for one that hears JSON

    async def open(self) -> list[Group]:
        """The groups this socket watches. Raises Refused.

        Nothing of them is handed out before `greet` has returned: access is checked here or there.
        """
        raise NotImplementedError

    async def greet(self) -> list[Frame]:
        """`connected`, then how things stand. Called when the groups are joined: nothing falls between. Raises Refused.

        Also asked for a fresh snapshot after frames had to be passed over; direct messages are left out then.
        """
        raise NotImplementedError

    async def watch(self, group: Group) -> None:
        """Hear of `group` as well. Check access first."""
        if self._socket is not None:
            await self._hub.watch(self._socket, [group])

    async def unwatch(self, group: Group) -> None:
        """Hear no more of `group`."""
        if self._socket is not None:
            await self._hub.unwatch(self._socket, [group])

    async def send_frame(self, frame: Frame) -> None:
        """Send to this socket alone, at once, past what waits.

        HTML sockets get the fragment, if there is one.
        """
        text = frames.encode(frame)
        if self.language:
            if not fragments.has_renderer(frame):
                return
            html = await in_database_thread(lambda: fragments.render(frame, [self.language]))
            text = html[self.language]
        if self._socket is not None:
            self._socket.sink.sent_directly(frame)
        if text:
            await self._send_text(text)

    async def send_snapshot(self, snapshot: Iterable[Frame]) -> None:
        """Send these frames in their order, with nothing from the hub in between."""
        async with self.quiet():
            for frame in snapshot:
                await self.send_frame(frame)

    @asynccontextmanager
    async def quiet(self) -> "AsyncIterator[None]":
        """Inside, frames from the hub wait, and so does whoever else wants quiet: snapshots do not interleave."""
        sink = None if self._socket is None else self._socket.sink
        if sink is not None:
            sink.hold()
        try:
            async with self._telling:
                yield
        finally:
            if sink is not None:
                sink.release()

    def knows(self, job_id: str, seq: int) -> None:
        """The client says that it holds everything of this run up to `seq`."""
        if self._socket is not None:
            self._socket.sink.knows(job_id, seq)

    # The life of a socket

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.handlers = {}
        self._socket: Socket | None = None
        self._hub: Hub
        self._received_at: list[float] = []  # when the client's last frames came
        self._expiry: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = False
        self._telling = asyncio.Lock()
        self._resyncing = False
        self._lost = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one socket until it closes."""
        # No layer channel of our own and no thread hop per event, as Channels' own __call__ would have: the
        # hub receives for everyone.
        self.scope, self.base_send = scope, send
        self._sending = scope.get(RAW_SEND, send)
        closing.teach_daphne()
        try:
            while True:
                await self.dispatch(await receive())
        except StopConsumer:
            pass
        finally:
            await self._forget()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """One event of the server; events nobody here knows are passed over."""
        match message.get("type"):
            case "websocket.connect":
                await self._connect()
            case "websocket.receive":
                if not self._ended:
                    await self._receive(message)
            case "websocket.disconnect":
                await self._forget()
                raise StopConsumer

    async def _connect(self) -> None:
        TRAFFIC.opened += 1
        # Accepted first: a browser cannot hear the code of a socket that was never open.
        await self.accept()
        try:
            await self._admit()
        except Refused as refusal:
            await self._end(refusal.code, refusal.reason)
        except (OperationalError, InterfaceError):
            logger.warning("A socket could not be opened: the database does not answer.", exc_info=True)
            await self._end(closing.TRY_LATER, "The database does not answer")

    async def _admit(self) -> None:
        credentials = await self._identify()
        query = parse_qs(self.scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        self.query = {name: values[-1] for name, values in query.items()}
        self.language = fragments.language_of(self.query)
        self._hub = Hub.here()
        if self._hub.sockets_of(self.user.pk) >= conf.LIVE_MAX_SOCKETS_PER_USER:
            raise Refused(closing.TOO_MANY, "Too many sockets")

        # Entered before the first query, so that many sockets opening together are counted.
        socket = Socket(
            sink=Sink(self._hand_over, language=self.language, overflowed=self._resync_later),
            credentials=credentials,
            close=self._end_later,
        )
        self._hub.add(socket)
        self._socket = socket
        await self._hub.watch(socket, await self.open())
        async with self.quiet():
            for frame in await self.greet():
                await self.send_frame(frame)
        socket.sink.release()
        self._expiry = asyncio.get_running_loop().call_later(
            lifetime(), self._end_later, closing.COME_BACK, "Reconnect, please"
        )

    async def _identify(self) -> Credentials:
        """Set `user`. A token decides alone, whatever session came with it. Raises Refused."""
        if (token := tokens.token_of(self.scope)) is not None:
            # Of any origin: no browser sends a token without being told to.
            bearer = await in_database_thread(lambda: tokens.admit(token, self.scope["path"]))
            self.user = bearer.user
            return Credentials(bearer.user.pk, "", "", bearer.key)
        if not origins.is_ours(self.scope):
            raise Refused(closing.FORBIDDEN, "Origin not allowed")
        self.user = self.scope.get("user")
        if self.user is None or not self.user.is_authenticated or not self.user.is_active:
            raise Refused(closing.NOT_SIGNED_IN, "Not signed in")
        return credentials_of(self.user, self.scope.get("session"))

    async def _receive(self, message: dict[str, Any]) -> None:
        now = asyncio.get_running_loop().time()
        if len(self._received_at) == FRAMES_PER_SECOND:
            if now - self._received_at[0] < 1:
                await self._end(closing.TOO_MANY, "Too many frames")
                return
            del self._received_at[0]
        self._received_at.append(now)
        text = message.get("text")
        if text is None:
            await self._end(closing.UNSUPPORTED_DATA, "Text frames only")
        elif len(text) > LARGEST_FRAME or len(text.encode("utf-8", "replace")) > LARGEST_FRAME:
            await self._end(closing.TOO_BIG, "Frame too large")
        else:
            await self._handle(text)

    async def _handle(self, text: str) -> None:
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            await self.send_frame(frames.error("invalid_json", "A frame must be a JSON object."))
            return
        if not isinstance(message, dict):
            await self.send_frame(frames.error("not_an_object", "A frame must be a JSON object."))
            return
        kind = message.get("type")
        handler = self.handlers.get(kind) if isinstance(kind, str) else None
        if kind == "ping" and self.language:
            await self._send_text(fragments.PONG)
        elif kind == "ping":
            await self.send_frame(frames.pong())
        elif handler is None:
            await self.send_frame(frames.error("unknown_type", "This type of frame is unknown here."))
        else:
            try:
                await handler(message)
            except Refused as refusal:
                await self._end(refusal.code, refusal.reason)
            except (OperationalError, InterfaceError):
                logger.warning("A frame could not be answered: the database does not answer.", exc_info=True)
                await self.send_frame(frames.error("unavailable", "The database does not answer. Try again."))

    async def _send_text(self, text: str) -> None:
        if self._ended:
            return
        try:
            await self._hand_over(text)
        except (OSError, RuntimeError):
            # The other side is gone, and the server's word of it on its way. Each server has an exception of its own.
            logger.debug("A socket was gone before it was told everything.", exc_info=True)
            self._ended = True

    def _hand_over(self, text: str) -> Awaitable[None]:
        # Not a coroutine of its own: one step less in what is done most often here.
        TRAFFIC.sent += 1
        sent: Awaitable[None] = self._sending({"type": "websocket.send", "text": text})
        return sent

    async def _end(self, code: int, reason: str = "") -> None:
        """Close from our side; the client hears the code."""
        if self._ended:
            return
        self._ended = True
        TRAFFIC.closed[code] += 1
        await self._forget()
        try:
            await self.close(code, reason)
        except Exception:
            # The other side was faster.
            logger.debug("A socket was gone before it was closed.", exc_info=True)

    def _end_later(self, code: int, reason: str = "") -> asyncio.Task[None]:
        return self._soon(self._end(code, reason))

    def _resync_later(self) -> None:
        self._lost = True
        self._soon(self._resync())

    async def _resync(self) -> None:
        """Frames had to be passed over: say so, and say how things stand."""
        if self._socket is None or self._ended or self._resyncing:
            return
        self._resyncing = True
        try:
            async with self.quiet():
                # Once more if frames were passed over again, while a busy socket kept us waiting.
                while self._lost and not self._ended:
                    self._lost = False
                    await self.send_frame(frames.reset())
                    for frame in await self.greet():
                        if frame.get("type") != "direct_message":
                            await self.send_frame(frame)
        finally:
            self._resyncing = False

    def _soon(self, work: Awaitable[None]) -> asyncio.Task[None]:
        # Kept until done: a task nobody refers to may disappear.
        task = asyncio.get_running_loop().create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Refused as refusal:
            await self._end(refusal.code, refusal.reason)
        except Exception:
            logger.exception("A live socket is closed after an error.")
            await self._end(1011, "Internal error")

    async def _forget(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        socket, self._socket = self._socket, None
        if socket is not None:
            await self._hub.remove(socket)

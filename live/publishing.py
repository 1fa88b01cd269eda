"""The one door for frames on their way out. News, not fact: losing a frame costs a re-read, never a failure.

Frames leave from one event loop per process, in the order they were published. Threads only append to a
bounded outbox and wake that loop, so a dead Redis can neither block nor fail the code that has news.
"""

import asyncio
import atexit
import logging
import threading
import uuid
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.db import transaction

from .frames import Frame, is_replaceable, plain
from .groups import Group
from .tracing import NOTHING, Span, begin
from .traffic import TRAFFIC

logger = logging.getLogger(__name__)

MESSAGE_TYPE = "live.frame"
OUTBOX_LIMIT = 2000  # messages waiting for the layer; beyond it the oldest go, and a re-read replaces them
SENT_AT_ONCE = 100  # of these with one round trip to the layer, where it takes several
SEND_TIMEOUT = 5.0  # seconds for them to reach the layer

_lock = threading.Lock()
_outbox: "_Outbox | None" = None
_background: "_Outbox | None" = None


def use_loop(loop: asyncio.AbstractEventLoop, *, has_sockets: bool = False) -> None:
    """Frames leave from `loop` from now on.

    With several loops in one process that of the sockets wins, whoever comes later: an in-memory layer
    belongs to it.
    """
    global _outbox
    with _lock:
        if (
            _outbox is None
            or _outbox.loop.is_closed()
            or (_outbox.loop is not loop and (has_sockets or not _outbox.has_sockets))
        ):
            _outbox = _Outbox(loop)
        _outbox.has_sockets = _outbox.has_sockets or has_sockets


def publish_on_commit(groups: Iterable[Group], frame: Frame) -> None:
    """Tell `groups` once the rows the frame speaks of are visible; outside a transaction: now.

    Never raises.
    """
    addressees = tuple(groups)
    if _running_loop() is not None:
        # Database work is not allowed on an event loop, so no transaction of ours can be open here.
        publish(addressees, frame)
        return
    try:
        transaction.on_commit(lambda: publish(addressees, frame), robust=True)
    except Exception:
        logger.exception("Publishing at once: it could not be tied to the transaction.")
        publish(addressees, frame)


def publish(groups: Iterable[Group], frame: Frame) -> None:
    """Tell `groups` now, from any thread or the loop itself. Never raises, never waits."""
    try:
        names = [group.name for group in groups]
        outbox = _choose_outbox()
        if names and outbox is not None:
            # Progress is told five times a second, and would be all that one sees of a trace.
            kept = NOTHING if is_replaceable(frame) else begin(_title(frame), kind="producer")
            message = {"type": MESSAGE_TYPE, "id": uuid.uuid4().hex, "groups": names, "frame": plain(frame)}
            outbox.put(message, kept)
    except Exception:
        logger.exception("A frame could not be published.")


def _title(frame: Frame) -> str:
    return f"publish {frame.get('type')} {frame.get('status', '')}".rstrip()


async def drain(seconds: float = 2.0) -> None:
    """Wait until everything published from this process so far has left, at most `seconds`."""
    outbox = _outbox
    if outbox is not None and not outbox.loop.is_closed():
        waiter = asyncio.run_coroutine_threadsafe(outbox.emptied(), outbox.loop)
        await asyncio.wait([asyncio.wrap_future(waiter)], timeout=seconds)


def _choose_outbox() -> "_Outbox | None":
    """The outbox to use, or None when nobody could hear."""
    global _outbox, _background
    with _lock:
        if _outbox is not None and not _outbox.loop.is_closed():
            return _outbox
        if (running := _running_loop()) is not None:
            _outbox = _Outbox(running)
            return _outbox
        layer = get_channel_layer()
        if layer is None or isinstance(layer, InMemoryChannelLayer):
            # Its queues belong to the loop of the sockets, and there is no such loop in this process.
            return None
        if _background is None:
            _background = _start_background_outbox()
        return _background


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _start_background_outbox() -> "_Outbox":
    """A loop of our own, for commands and threads of a process that has none."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="live-publishing", daemon=True).start()
    outbox = _Outbox(loop)

    def leave_nothing_behind() -> None:
        try:
            asyncio.run_coroutine_threadsafe(outbox.emptied(), loop).result(timeout=1)
        except Exception:
            logger.info("The last frames of this process were not delivered.")

    # A short command has usually ended before its frames are out: give them a second.
    atexit.register(leave_nothing_behind)
    return outbox


async def _send(messages: Sequence[dict[str, Any]]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    send_many = getattr(layer, "group_send_many", None)
    if send_many is not None:
        await send_many([(message["groups"], message) for message in messages])
        return
    for message in messages:
        for name in message["groups"]:
            await layer.group_send(name, message)


class _Outbox:
    """Messages waiting to leave from one loop, oldest first, bounded."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.has_sockets = False
        self._waiting: deque[tuple[dict[str, Any], Span]] = deque(maxlen=OUTBOX_LIMIT)
        self._sender: asyncio.Task[None] | None = None
        self._layer_is_down = False

    def put(self, message: dict[str, Any], span: Span = NOTHING) -> None:
        """Queue a message, from any thread. `span` ends when it has left."""
        TRAFFIC.published += 1
        if len(self._waiting) == OUTBOX_LIMIT:
            TRAFFIC.dropped["outbox"] += 1
        self._waiting.append((message, span))
        if _running_loop() is self.loop:
            self._wake()
        else:
            self.loop.call_soon_threadsafe(self._wake)

    async def emptied(self) -> None:
        """Return when everything queued so far has been sent."""
        while self._sender is not None and not self._sender.done():
            await asyncio.wait([self._sender])

    def _wake(self) -> None:
        # No await between the question and the answer: two callers cannot start two senders.
        if self._sender is None or self._sender.done():
            self._sender = self.loop.create_task(self._send_all())

    async def _send_all(self) -> None:
        while self._waiting:
            together = [self._waiting.popleft() for _ in range(min(SENT_AT_ONCE, len(self._waiting)))]
            try:
                async with asyncio.timeout(SEND_TIMEOUT):
                    await _send([message for message, _ in together])
            except Exception as trouble:
                TRAFFIC.dropped["layer"] += len(together)
                self._note_outage(trouble)
                for _, span in together:
                    span.failed(type(trouble).__qualname__)
            else:
                self._note_success()
            for _, span in together:
                span.end()

    def _note_outage(self, trouble: Exception) -> None:
        if not self._layer_is_down:
            self._layer_is_down = True
            logger.warning("Live updates are not getting through (%s). Pages catch up by re-reading.", repr(trouble))

    def _note_success(self) -> None:
        if self._layer_is_down:
            self._layer_is_down = False
            logger.warning("Live updates are getting through again.")

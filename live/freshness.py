"""Whether what sockets were told is still known to be true, and word of it to those who hold it.

While the database is away a socket lives on, and its silence would look like "nothing has changed".
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.html import format_html

from . import fragments, frames
from .frames import Frame
from .sinks import Outgoing, Sink

if TYPE_CHECKING:
    from .hub import Hub

OVERDUE_AFTER = 4.0  # seconds a re-read may be late before sockets are told
LOOK_EVERY = 0.5  # seconds between two looks at the clock: a re-read that hangs does not say that it fails


@dataclass(frozen=True, slots=True)
class Moment:
    """When something began, for people and by a clock that nobody sets."""

    at: datetime = field(default_factory=timezone.now)
    clock: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    @property
    def age(self) -> float:
        """Seconds since then."""
        return asyncio.get_running_loop().time() - self.clock


class Freshness:
    """When the last re-read that succeeded began, and which of a hub's sockets have been told that it is long ago."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._told: set[Sink] = set()
        self._confirmed: Moment | None = None

    async def watch(self, interval: float) -> None:
        """Until cancelled: tell each socket, once, when a re-read, due every `interval` seconds, is overdue."""
        self._confirmed = Moment()
        self._told.clear()
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if self._confirmed.age > interval + OVERDUE_AFTER:
                # Those, too, that have opened meanwhile.
                late = self._sinks() - self._told
                self._told |= late
                _tell(late, frames.freshness(fresh=False, as_of=self._confirmed.at))

    def confirm(self, began: Moment) -> None:
        """A re-read that began then has succeeded, and what it found has been handed out."""
        self._confirmed = began
        told, self._told = self._told & self._sinks(), set()
        _tell(told, frames.freshness(fresh=True, as_of=began.at))

    def _sinks(self) -> set[Sink]:
        return {socket.sink for socket in self._hub.sockets}


def render(frame: Frame) -> str:
    """For HTML sockets: nothing to draw, but word to the page of what this socket's news are worth."""
    fresh = "yes" if frame["fresh"] else "no"
    return format_html('<i id="freshness" data-fresh="{}" data-as-of="{}" hidden></i>', fresh, frame["as_of"])


def _tell(sinks: Iterable[Sink], frame: Frame) -> None:
    told = list(sinks)
    item = Outgoing(frame, html=fragments.render(frame, {sink.language for sink in told} - {""}))
    for sink in told:
        sink.offer(item)

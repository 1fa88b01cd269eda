"""The hub: one per process and event loop, whatever the number of sockets.

It owns who is here (audience.py), the one layer channel that hears for all of them (membership.py), and what hands
each frame, encoded once, to their sinks (delivery.py); see sinks.py for what a slow socket gets. Everything here runs
on the hub's loop.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Collection, Iterable
from typing import Any
from weakref import WeakKeyDictionary

from . import publishing
from .audience import Audience, Socket
from .delivery import Delivery
from .groups import Group
from .membership import Membership
from .signals import ACCESS
from .watchdog import Watchdog

logger = logging.getLogger(__name__)

CLOSE_TIMEOUT = 2.0  # seconds for all sockets to take their close frame
RESTART_DELAY = 1.0  # seconds between attempts to receive again after the layer failed
REMEMBERED_MESSAGES = 4096

_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, "Hub"] = WeakKeyDictionary()


def open_sockets() -> int:
    """How many sockets are open in this process. From any thread."""
    return sum(len(hub.sockets) for hub in list(_hubs.values()))


class Hub:
    """Everything this process's sockets hear, comes through here."""

    def __init__(self) -> None:
        self._audience = Audience()
        self._pump: asyncio.Task[None] | None = None
        self._messages: OrderedDict[str, None] = OrderedDict()
        self.membership = Membership(self._audience)
        self.delivery = Delivery(self._audience)
        self.watchdog = Watchdog(self)

    @classmethod
    def here(cls) -> "Hub":
        """The hub of the running event loop."""
        loop = asyncio.get_running_loop()
        if loop not in _hubs:
            _hubs[loop] = cls()
            publishing.use_loop(loop, has_sockets=True)
        return _hubs[loop]

    @property
    def sockets(self) -> Collection[Socket]:
        """Every open socket of this process."""
        return self._audience.sockets

    @property
    def watched(self) -> Collection[Group]:
        """Every group somebody here watches."""
        return self._audience.groups

    def sockets_of(self, user_pk: int) -> int:
        """How many sockets of this user are open here."""
        return self._audience.sockets_of(user_pk)

    def add(self, socket: Socket) -> None:
        """A socket has opened."""
        self._audience.add(socket)
        self._wake()

    async def remove(self, socket: Socket) -> None:
        """A socket has closed."""
        self._audience.remove(socket)
        socket.sink.close()
        await self.unwatch(socket, set(socket.groups))

    async def watch(self, socket: Socket, groups: Iterable[Group]) -> None:
        """From now on `socket` hears what is published to `groups`. Read the truth after this, not before."""
        await self.membership.changed(self._audience.watch(socket, groups))

    async def unwatch(self, socket: Socket, groups: Iterable[Group]) -> None:
        """`socket` hears no more of `groups`."""
        await self.membership.changed(self._audience.unwatch(socket, groups))

    async def close_all(self, code: int = 1012, reason: str = "Restarting") -> None:
        """Ask every browser to come back: this process is about to stop. Returns when all have been asked."""
        if closing := [socket.close(code, reason) for socket in self.sockets]:
            await asyncio.wait(closing, timeout=CLOSE_TIMEOUT)

    def _wake(self) -> None:
        # No await between asking and starting: two sockets arriving together cannot start two pumps.
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self._receive_for_ever(), name="live-hub")
        self.watchdog.wake()

    async def _receive_for_ever(self) -> None:
        # Nothing in here waits for anybody but the layer: what has arrived moves on at once to where it is bounded.
        while True:
            try:
                message = await self.membership.receive()
            except Exception as trouble:
                logger.warning("Live updates cannot be received (%r); trying again.", trouble)
                await asyncio.sleep(RESTART_DELAY)
                await self.membership.recover()
                self.watchdog.hurry()
                continue
            if message is None:
                await asyncio.sleep(RESTART_DELAY)
                continue
            try:
                self._take(message)
            except Exception:
                # Of a newer or older version of this program, during a deploy.
                logger.exception("A message was not understood and is passed over.")

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("type") != publishing.MESSAGE_TYPE:
            return
        # A process that watches several of the message's groups receives it once for each.
        identity = message["id"]
        if identity in self._messages:
            return
        self._messages[identity] = None
        if len(self._messages) > REMEMBERED_MESSAGES:
            self._messages.popitem(last=False)
        if ACCESS.name in message["groups"]:
            self.watchdog.hurry()
        else:
            self.delivery.put(message["groups"], message["frame"])

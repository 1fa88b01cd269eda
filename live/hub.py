"""The hub: one per process and event loop. It owns one layer channel, whatever the number of sockets.

It joins a group with the first local socket that watches it and leaves with the last. Each frame is received
once, encoded once, and handed to the sinks; see sinks.py for what a slow socket gets. Everything here runs on
the hub's loop.
"""

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Coroutine, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer

from . import fragments, frames, publishing, sources
from .credentials import Credentials
from .database import in_database_thread
from .frames import Frame
from .groups import Group
from .signals import ACCESS
from .sinks import Backlog, Outgoing, Sink

logger = logging.getLogger(__name__)

JOIN_TIMEOUT = 2.0  # seconds a new socket waits for the layer; until then the periodic re-read feeds it
CLOSE_TIMEOUT = 2.0  # seconds for all sockets to take their close frame
RESTART_DELAY = 1.0  # seconds between attempts to receive again after the layer failed
REMEMBERED_MESSAGES = 4096
REMEMBERED_RUNS = 10_000
WAITING_LIMIT = 1000  # frames waiting to be rendered or counted

_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, "Hub"] = WeakKeyDictionary()


@dataclass(slots=True, eq=False)
class Socket:
    """What the hub knows of one open socket."""

    sink: Sink
    credentials: Credentials
    close: Callable[[int, str], asyncio.Task[None]]  # ends the socket with this code and reason
    groups: set[Group] = field(default_factory=set)


class Hub:
    """Everything this process's sockets hear, comes through here."""

    def __init__(self) -> None:
        from .watchdog import Watchdog

        self.sockets: set[Socket] = set()
        self._watchers: dict[str, set[Socket]] = {}
        self._groups: dict[str, Group] = {}
        self._channel: str | None = None
        self._joined: set[str] = set()
        self._unsettled: set[str] = set()
        self._sockets_of: Counter[int] = Counter()
        self._membership = asyncio.Lock()
        self._pump: asyncio.Task[None] | None = None
        self._messages: OrderedDict[str, None] = OrderedDict()
        self._held: OrderedDict[str, int] = OrderedDict()
        self._to_render = Backlog()
        self._to_personalize: OrderedDict[object, tuple[tuple[str, ...], Frame]] = OrderedDict()
        self._workers: dict[str, asyncio.Task[None]] = {}
        self.watchdog = Watchdog(self)

    @classmethod
    def here(cls) -> "Hub":
        """The hub of the running event loop."""
        loop = asyncio.get_running_loop()
        if loop not in _hubs:
            _hubs[loop] = cls()
            publishing.use_loop(loop, has_sockets=True)
        return _hubs[loop]

    # Who watches what

    def add(self, socket: Socket) -> None:
        """A socket has opened."""
        self.sockets.add(socket)
        self._sockets_of[socket.credentials.user_pk] += 1
        self._wake()

    async def remove(self, socket: Socket) -> None:
        """A socket has closed."""
        if socket in self.sockets:
            self.sockets.discard(socket)
            self._sockets_of[socket.credentials.user_pk] -= 1
            self._sockets_of += Counter()  # drops those at zero
        socket.sink.close()
        await self.unwatch(socket, set(socket.groups))

    async def watch(self, socket: Socket, groups: Iterable[Group]) -> None:
        """From now on `socket` hears what is published to `groups`. Read the truth after this, not before."""
        for group in groups:
            socket.groups.add(group)
            if group.name not in self._watchers:
                self._groups[group.name] = group
                self._watchers[group.name] = set()
                self._unsettled.add(group.name)
            self._watchers[group.name].add(socket)
        await self._settle_membership()

    async def unwatch(self, socket: Socket, groups: Iterable[Group]) -> None:
        """`socket` hears no more of `groups`."""
        for group in groups:
            socket.groups.discard(group)
            watchers = self._watchers.get(group.name)
            if watchers is None:
                continue
            watchers.discard(socket)
            if not watchers:
                del self._watchers[group.name], self._groups[group.name]
                self._unsettled.add(group.name)
        await self._settle_membership()

    def watched(self) -> Collection[Group]:
        """Every group somebody here watches."""
        return list(self._groups.values())

    def sockets_of(self, user_pk: int) -> int:
        """How many sockets of this user are open here."""
        return self._sockets_of[user_pk]

    async def close_all(self, code: int = 1012, reason: str = "Restarting") -> None:
        """Ask every browser to come back: this process is about to stop. Returns when all have been asked."""
        if closing := [socket.close(code, reason) for socket in self.sockets]:
            await asyncio.wait(closing, timeout=CLOSE_TIMEOUT)

    # The layer

    def _wake(self) -> None:
        # No await between asking and starting: two sockets arriving together cannot start two pumps.
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self._receive_for_ever(), name="live-hub")
        self.watchdog.wake()

    async def _settle_membership(self) -> None:
        """Join and leave groups until the layer knows what is watched here."""
        try:
            async with asyncio.timeout(JOIN_TIMEOUT), self._membership:
                layer = get_channel_layer()
                if layer is None:
                    return
                if self._channel is None:
                    self._channel = await layer.new_channel("live.")
                    self._joined.clear()
                    self._unsettled.update(self._watchers, [ACCESS.name])
                while self._unsettled:
                    # Taken out first: whoever changes their mind while we wait puts it in again.
                    name = self._unsettled.pop()
                    await self._settle(layer, self._channel, name)
        except Exception as trouble:
            # The sockets stay: the periodic re-read feeds them, and tries to join again.
            logger.warning("Live groups could not be joined or left (%r); trying again.", trouble)

    async def _settle(self, layer: Any, channel: str, name: str) -> None:
        wanted = name in self._watchers or name == ACCESS.name
        try:
            if wanted and name not in self._joined:
                await layer.group_add(name, channel)
                self._joined.add(name)
            elif not wanted and name in self._joined:
                self._joined.discard(name)
                await layer.group_discard(name, channel)
        except BaseException:
            self._unsettled.add(name)
            raise

    async def rejoin(self) -> None:
        """Join what could not be joined before."""
        if self._channel is None or self._unsettled:
            await self._settle_membership()

    async def _receive_for_ever(self) -> None:
        while True:
            try:
                await self._receive()
            except Exception as trouble:
                logger.warning("Live updates cannot be received (%r); trying again.", trouble)
                self._channel = None
                await asyncio.sleep(RESTART_DELAY)
                await self._settle_membership()
                self.watchdog.hurry()

    async def _receive(self) -> None:
        layer = get_channel_layer()
        while layer is None or self._channel is None:
            await self._settle_membership()
            if self._channel is None:
                await asyncio.sleep(RESTART_DELAY)
        while True:
            message = await layer.receive(self._channel)
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
            self.deliver(message["groups"], message["frame"])

    # To the sockets

    def deliver(self, names: Iterable[str], frame: Frame) -> None:
        """Hand `frame` to everyone here who watches one of these groups."""
        names = tuple(names)
        if sources.personalizer_of(str(frame.get("type"))) is not None:
            self._personalize_later(names, frame)
            return
        item = Outgoing(frame)
        if item.job is not None and item.seq is not None:
            if item.seq <= self._held.get(item.job, -1):
                return
            self._held[item.job] = item.seq
            self._held.move_to_end(item.job)
            if len(self._held) > REMEMBERED_RUNS:
                self._held.popitem(last=False)
        self._hand_out(names, item)

    def has_news(self, addressed: Iterable[tuple[Group, Frame]]) -> bool:
        """Is there anything in this re-read that nobody here has been told?"""
        items = (Outgoing(frame) for _, frame in addressed)
        return any(item.job and item.seq is not None and item.seq > self._held.get(item.job, -1) for item in items)

    def reconcile(self, addressed: Iterable[tuple[Group, Frame]]) -> None:
        """Deliver what was re-read, as if it had been published; what is known already goes no further."""
        runs: dict[tuple[str, int], tuple[list[str], Frame]] = {}
        for group, frame in addressed:
            item = Outgoing(frame)
            if item.job is None or item.seq is None:
                self._hand_out((group.name,), item)
            else:
                # One run is in several groups: it is delivered to all of them at once.
                runs.setdefault((item.job, item.seq), ([], frame))[0].append(group.name)
        for names, frame in runs.values():
            self.deliver(names, frame)

    def _hand_out(self, names: tuple[str, ...], item: Outgoing) -> None:
        wants_html = False
        for socket in self._sockets_in(names):
            if socket.sink.html:
                # Asked before rendering: a re-read that found nothing new costs no template.
                wants_html = wants_html or socket.sink.wants(item)
            else:
                socket.sink.offer(item)
        if wants_html and fragments.has_renderer(item.frame):
            item.names = names
            self._to_render.add(item)
            self._start("render", self._render_all)

    def _sockets_in(self, names: tuple[str, ...]) -> Collection[Socket]:
        if len(names) == 1:
            return list(self._watchers.get(names[0], ()))
        return {socket for name in names for socket in self._watchers.get(name, ())}

    def _personalize_later(self, names: tuple[str, ...], frame: Frame) -> None:
        # Of frames that only say "count again" the newest per addressee will do.
        key: object = (frames.slot(frame), names) if frames.is_replaceable(frame) else object()
        self._to_personalize.pop(key, None)
        self._to_personalize[key] = (names, frame)
        if len(self._to_personalize) > WAITING_LIMIT:
            self._to_personalize.popitem(last=False)
        self._start("personalize", self._personalize_all)

    async def _personalize_all(self) -> None:
        while self._to_personalize:
            _, (names, frame) = self._to_personalize.popitem(last=False)
            found = sources.personalizer_of(str(frame.get("type")))
            if found is None:
                continue
            kind, personalize = found
            listening = self._sockets_in(names)
            groups = {group for socket in listening for group in socket.groups if group.kind == kind}
            if groups:
                for group, personal in await in_database_thread(partial(_all, personalize, frame, groups)):
                    self._hand_out((group.name,), Outgoing(personal))

    async def _render_all(self) -> None:
        while self._to_render:
            if self._to_render.kept > WAITING_LIMIT:
                self._to_render.clear()
                for socket in self.sockets:
                    if socket.sink.html:
                        socket.sink.lose()
                return
            key, item = next(iter(self._to_render))
            self._to_render.remove(key)
            try:
                item.html = await in_database_thread(partial(fragments.render, item.frame))
            except Exception:
                # Not told to everyone, so not known: the next re-read delivers it again.
                self._held.pop(item.job or "", None)
                raise
            for socket in self._sockets_in(item.names):
                if socket.sink.html:
                    socket.sink.offer(item)

    def _start(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Let one worker of this name run; it takes up what has been put before it until nothing is left."""
        worker = self._workers.get(name)
        if worker is None or worker.done():
            loop = asyncio.get_running_loop()
            self._workers[name] = loop.create_task(self._guarded(work), name=f"live-{name}")

    async def _guarded(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                await work()
                return
            except Exception:
                # The frame is lost, the rest is not: go on with what waits behind it.
                logger.exception("A frame could not be prepared and is passed over.")


def _all(personalize: sources.Personalize, frame: Frame, groups: Collection[Group]) -> list[tuple[Group, Frame]]:
    """What `personalize` says, consumed where the database may be used."""
    return list(personalize(frame, groups))

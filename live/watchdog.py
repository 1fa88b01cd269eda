"""What the hub does unasked, every few seconds while sockets are open: re-read the truth, re-check who may hear it.

A frame that was lost on its way heals here, and so does a socket whose user has logged out. A constant number of
queries, however many sockets are open.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

from . import sources
from .conf import conf
from .credentials import Credentials, withdrawn
from .database import in_database_thread
from .frames import Frame
from .freshness import Freshness, Moment
from .groups import Group

if TYPE_CHECKING:
    from .hub import Hub

logger = logging.getLogger(__name__)

FOLLOW_UP = 0.5  # seconds until a second look: Django says that someone signs out before the session is gone
IN_FLIGHT = 0.25  # seconds a frame may be on its way before the re-read takes its place
SHORTEST_INTERVAL = 0.2  # seconds, however much happens


class Watchdog:
    """Rereads and re-checks for one hub."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._task: asyncio.Task[None] | None = None
        self._asked = asyncio.Event()
        self._failing: set[str] = set()
        self._freshness = Freshness(hub)

    def wake(self) -> None:
        """Sockets are open: watch them."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._watch(), name="live-watchdog")

    def hurry(self) -> None:
        """Something has changed: look at once."""
        self._asked.set()

    async def _watch(self) -> None:
        """Until the last socket has gone."""
        interval = conf.LIVE_RECONCILE_SECONDS
        wait = interval
        # Beside the re-reads, not between them: one that hangs is the very thing to be found out.
        freshness = asyncio.create_task(self._freshness.watch(interval), name="live-freshness")
        try:
            while self._hub.sockets:
                try:
                    async with asyncio.timeout(wait):
                        await self._asked.wait()
                    self._asked.clear()
                    wait = min(FOLLOW_UP, interval)
                except TimeoutError:
                    wait = interval
                await self.look()
                await asyncio.sleep(SHORTEST_INTERVAL)
        finally:
            freshness.cancel()

    async def look(self) -> None:
        """Close what may no longer be open, deliver what is newer in the database than on the sockets."""
        for step in (self._hub.membership.rejoin, self._close_withdrawn, self._close_forbidden, self._reread):
            try:
                await step()
            except Exception:
                # Most likely the database is away. What is open stays open, is looked at again, and is told.
                if step.__name__ not in self._failing:
                    logger.exception("Live sockets could not be re-checked; trying again.")
                self._failing.add(step.__name__)
            else:
                self._failing.discard(step.__name__)

    async def _close_withdrawn(self) -> None:
        sockets = list(self._hub.sockets)
        everyone: set[Credentials] = {socket.credentials for socket in sockets}
        if not everyone:
            return
        gone = await in_database_thread(lambda: withdrawn(everyone))
        for socket in sockets:
            if socket.credentials in gone:
                socket.close(4401, "Signed out")

    async def _close_forbidden(self) -> None:
        pairs: dict[str, set[tuple[Group, int]]] = {}
        for socket in self._hub.sockets:
            for group in socket.groups:
                if sources.guard_of(group.kind) is not None:
                    pairs.setdefault(group.kind, set()).add((group, socket.credentials.user_pk))
        for kind, asked in pairs.items():
            guard = sources.guard_of(kind)
            refused = await in_database_thread(_listed(guard, asked)) if guard else []
            for group, user_pk in refused:
                for socket in list(self._hub.sockets):
                    if group in socket.groups and socket.credentials.user_pk == user_pk:
                        socket.close(4403, "No longer allowed")

    async def _reread(self) -> None:
        began = Moment()
        # By function, not by kind: whoever reads several kinds is asked once.
        asked: dict[sources.Reread, set[Group]] = {}
        for group in self._hub.watched:
            reread = sources.reread_of(group.kind)
            if reread is not None:
                asked.setdefault(reread, set()).add(group)
        addressed: list[tuple[Group, Frame]] = []
        for reread, groups in asked.items():
            addressed += await in_database_thread(_listed(reread, groups))
        if self._hub.delivery.has_news(addressed):
            # What was just read may still be on its way, and a batch or log line before it: those come first.
            await asyncio.sleep(IN_FLIGHT)
        behind = self._hub.delivery.behind(addressed)
        # Lost, or still not here: whoever published it was killed, or the layer was away. Progress may be passed over.
        recorded = await in_database_thread(lambda: sources.recorded_after(behind)) if behind else []
        self._hub.delivery.reconcile(addressed, recorded)
        self._freshness.confirm(began)


def _listed[A, T](ask: Callable[[Collection[A]], Iterable[T]], about: Collection[A]) -> Callable[[], list[T]]:
    """`ask(about)`, consumed where the database may be used."""
    return lambda: list(ask(about))

"""What this process hears of the channel layer: one channel, in a group from its first local watcher to its last."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from channels.layers import get_channel_layer

from .audience import Audience
from .signals import ACCESS

logger = logging.getLogger(__name__)

JOIN_TIMEOUT = 2.0  # seconds a new socket waits for the layer; until then the periodic re-read feeds it
RENEW_AFTER = 3600.0  # seconds; some layers forget members of a group after a day, and this channel lives longer


class Membership:
    """One layer channel, and the groups it is in."""

    def __init__(self, audience: Audience) -> None:
        self._audience = audience
        self._channel: str | None = None
        self._joined: set[str] = set()
        self._unsettled: set[str] = set()
        self._renewed_at = 0.0
        self._lock = asyncio.Lock()

    @property
    def is_settled(self) -> bool:
        """Does the layer know everything that is watched here?"""
        return self._channel is not None and not self._unsettled

    async def changed(self, names: Iterable[str]) -> None:
        """These groups are watched now, or no longer. Never raises; what cannot be settled now is tried again."""
        self._unsettled.update(names)
        await self.settle()

    async def settle(self) -> None:
        """Join and leave groups until the layer knows what is watched here. Never raises."""
        try:
            async with asyncio.timeout(JOIN_TIMEOUT), self._lock:
                layer = get_channel_layer()
                if layer is None:
                    return
                if self._channel is None:
                    self._channel = await _new_channel(layer)
                    self._doubt()
                while self._unsettled:
                    # Taken out first: whoever changes their mind while we wait puts it in again.
                    name = self._unsettled.pop()
                    await self._settle(layer, self._channel, name)
        except Exception as trouble:
            # The sockets stay: the periodic re-read feeds them, and tries to join again.
            logger.warning("Live groups could not be joined or left (%r); trying again.", trouble)

    async def rejoin(self) -> None:
        """Join what could not be joined before; once in a while everything, lest the layer forget us."""
        if asyncio.get_running_loop().time() - self._renewed_at > RENEW_AFTER:
            self._doubt()
        if not self.is_settled:
            await self.settle()

    async def recover(self) -> None:
        """The layer has failed and may have forgotten us: join everything again, with the same channel.

        A second channel would leave the first one behind in every group, with a queue that nobody empties.
        """
        self._doubt()
        await self.settle()

    async def receive(self) -> dict[str, Any] | None:
        """The next message; does not suspend while more are there. None: nobody can be heard at the moment."""
        layer = get_channel_layer()
        if layer is not None and self._channel is None:
            await self.settle()
        if layer is None or self._channel is None:
            return None
        message: dict[str, Any] = await layer.receive(self._channel)
        return message

    def _doubt(self) -> None:
        self._joined.clear()
        self._unsettled.update(self._audience.names, [ACCESS.name])
        self._renewed_at = asyncio.get_running_loop().time()

    async def _settle(self, layer: Any, channel: str, name: str) -> None:
        wanted = name in self._audience.names or name == ACCESS.name
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


async def _new_channel(layer: Any) -> str:
    known = set(getattr(layer, "channels", ()))
    try:
        channel: str = await layer.new_channel("live.")
    except BaseException:
        # The pub/sub layer keeps a queue for a channel that it could not open: one more with every attempt while Redis
        # is away.
        for name in set(getattr(layer, "channels", ())) - known:
            layer.channels.pop(name, None)
        raise
    return channel

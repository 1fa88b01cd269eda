"""Turns at a host: so many connections at once and no more, whichever runs of this process want them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary


class Hosts:
    """The turns of one event loop. Hosts that nobody waits for are forgotten."""

    def __init__(self) -> None:
        self._turns: dict[tuple[str, int], tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def turn(self, host: str, places: int) -> AsyncIterator[None]:
        """Wait until one of the `places` at `host` is free, and hold it."""
        key = (host, places)
        semaphore, users = self._turns.get(key, (asyncio.Semaphore(places), 0))
        self._turns[key] = (semaphore, users + 1)
        try:
            async with semaphore:
                yield
        finally:
            semaphore, users = self._turns[key]
            if users == 1:
                del self._turns[key]
            else:
                self._turns[key] = (semaphore, users - 1)


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Hosts] = WeakKeyDictionary()


def hosts() -> Hosts:
    """Those of the running event loop: a worker has one for all its runs."""
    return _of_loop.setdefault(asyncio.get_running_loop(), Hosts())

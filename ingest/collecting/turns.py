"""Who may use a child process next, when several runs want one: each gets as much time as the others.

A free place goes to the run that has used the least time. A run whose page had to be killed holds one place at a time
for its next few pages, however many are free: its poison can cost the others one place at most.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

PAGES_ON_PROBATION = 10


@dataclass(eq=False, slots=True)
class Owner:
    """One run, as far as turns are concerned: what it has used, holds and waits for."""

    used: float = 0.0
    probation: int = 0
    holds: dict[int, float] = field(default_factory=dict)
    waits: deque[asyncio.Future[int]] = field(default_factory=deque)

    def used_by(self, now: float) -> float:
        """Seconds of all its turns, those under way included."""
        return self.used + sum(now - since for since in self.holds.values())


class Turns:
    """`places` that owners share. Belongs to one event loop."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._free = list(range(places))
        self._active: set[Owner] = set()
        self._least = 0.0  # what the last one to get a turn had used: where a newcomer starts

    @asynccontextmanager
    async def turn(self, owner: Owner) -> AsyncIterator[int]:
        """Hold a place, whose number this yields, once it is the owner's turn."""
        if not owner.holds and not owner.waits:
            # Who comes, or comes back, has no claim to the time it did not ask for.
            owner.used = max(owner.used, self._least)
        waiter: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        owner.waits.append(waiter)
        self._active.add(owner)
        self._hand_out()
        try:
            place = await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._give_back(owner, waiter.result())
            else:
                with suppress(ValueError):
                    owner.waits.remove(waiter)
                self._forget_idle(owner)
            raise
        try:
            yield place
        finally:
            self._give_back(owner, place)

    def _hand_out(self) -> None:
        while self._free:
            now = time.monotonic()
            eligible = [one for one in self._active if one.waits and len(one.holds) < self._limit(one)]
            if not eligible:
                return
            owner = min(eligible, key=lambda one: one.used_by(now))
            waiter = owner.waits.popleft()
            if waiter.done():  # cancelled, and not yet told
                continue
            self._least = max(self._least, owner.used_by(now))
            place = self._free.pop()
            owner.holds[place] = now
            waiter.set_result(place)

    def _limit(self, owner: Owner) -> int:
        return 1 if owner.probation else self._places

    def _give_back(self, owner: Owner, place: int) -> None:
        owner.used += time.monotonic() - owner.holds.pop(place)
        owner.probation = max(0, owner.probation - 1)
        self._free.append(place)
        self._forget_idle(owner)
        self._hand_out()

    def _forget_idle(self, owner: Owner) -> None:
        if not owner.holds and not owner.waits:
            self._active.discard(owner)

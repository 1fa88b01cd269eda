"""Which articles a run is reading, noted on their rows: should the process die, they are known.

A page that kills the whole process would be read again by the run's next attempt, and kill that. What was being read at
the time is suspect: it is read alone from then on, and after three deaths no more.
"""

import asyncio
from collections.abc import Iterable, Sequence

from ingest import store
from tasks.db import in_thread

DEATHS = 3
# Noted together, so that it costs one write in twenty articles: as many are suspect though not yet begun.
AHEAD = 20


class Begun:
    """Of the articles `ids`, in the order in which they will be read, those that were begun."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._waiting = list(ids)
        self._noted: set[int] = set()
        self._lock = asyncio.Lock()

    def add(self, ids: Sequence[int]) -> None:
        """These will be read, too."""
        self._waiting += ids

    async def note(self, article_id: int) -> None:
        """This one is about to be read. When none was announced, for want of rows, nothing is noted."""
        async with self._lock:
            while article_id not in self._noted and self._waiting:
                ahead, self._waiting = self._waiting[:AHEAD], self._waiting[AHEAD:]
                await in_thread(store.note_begun, ahead)
                self._noted |= set(ahead)

    def done(self, ids: Iterable[int]) -> None:
        """Their decisions are saved, which took the note back."""
        self._noted.difference_update(ids)

    async def leave(self) -> None:
        """The run ends, and takes back what it noted of articles it has not decided."""
        if self._noted:
            await in_thread(store.note_left, sorted(self._noted))
            self._noted.clear()

"""The parts of a worker are kept going: what ends, in whatever way, is started again, with back-off, and counted."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from django.db import Error as DatabaseError
from procrastinate.exceptions import ConnectorException

from .workers import Vitals

logger = logging.getLogger(__name__)

FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 5.0  # seconds
WELL = 60.0  # seconds without trouble, after which the next trouble counts as the first
AWAY = (DatabaseError, ConnectorException, OSError)  # no fault of the part's own


class Backoff:
    """How long to wait before the next start: doubles while trouble goes on."""

    def __init__(self, *, longest: float = LONGEST_BACKOFF) -> None:
        self._longest = longest
        self._next = min(FIRST_BACKOFF, longest)

    def after(self, lasted: float) -> float:
        """Seconds to wait after a part that had been well for `lasted` seconds."""
        delay = min(FIRST_BACKOFF, self._longest) if lasted > WELL else self._next
        self._next = min(delay * 2, self._longest)
        return delay


async def keep(
    part: str, work: Callable[[], Awaitable[object]], vitals: Vitals, *, longest: float = LONGEST_BACKOFF
) -> None:
    """Run `work()`, which should never end, for ever: until cancelled. `vitals` hears of each new start."""
    loop, backoff = asyncio.get_running_loop(), Backoff(longest=longest)
    while True:
        begun, error = loop.time(), None
        try:
            await work()
        except Exception as caught:
            error = caught
        say_ended(part, error)
        await asyncio.sleep(backoff.after(loop.time() - begun))
        vitals.restarted(part, error)


def say_ended(part: str, error: Exception | None) -> None:
    """A line in the log of the process; with a traceback unless the database was merely away."""
    if error is None:
        logger.error("The worker's %s ended without a reason; starting it again", part)
    elif isinstance(error, AWAY):
        logger.warning("The worker's %s ended (%r); starting it again", part, error.__cause__ or error)
    else:
        logger.error("The worker's %s failed; starting it again", part, exc_info=error)

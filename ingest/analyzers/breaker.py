"""When not to ask an endpoint: one that is dead should not cost every article its deadline."""

import time
from collections.abc import Callable

FAILURES_IN_A_ROW = 3
PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 3600.0


class Breaker:
    """Open (nobody asks) for a minute after three failures in a row, or for as long as the endpoint wants.

    Then one caller asks; the others still do not, until that one has been answered.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._open_until: float | None = None

    def closed_for(self) -> float:
        """0 if you may ask, which you then must tell the outcome of; else the seconds until somebody may."""
        if self._open_until is None:
            return 0.0
        left = self._open_until - self._clock()
        if left > 0:
            return left
        # This caller tries for everybody. Should it never tell, the next one tries a pause later.
        self._open_until = self._clock() + PAUSE_SECONDS
        return 0.0

    def succeeded(self) -> None:
        """The endpoint answered well."""
        self._failures, self._open_until = 0, None

    def failed(self, retry_after: float | None = None) -> None:
        """It did not; `retry_after`: the seconds it wants to be left alone."""
        self._failures += 1
        pause = min(retry_after or 0.0, LONGEST_PAUSE_SECONDS)
        if self._failures >= FAILURES_IN_A_ROW:
            pause = max(pause, PAUSE_SECONDS)
        if pause:
            self._open_until = self._clock() + pause

"""When a failed attempt is tried again."""

import random
from datetime import timedelta

LONGEST = timedelta(hours=1)


def delay_before(attempt: int, *, max_attempts: int, first: timedelta) -> timedelta | None:
    """How long to wait before `attempt` (2 is the first retry); None once we should give up.

    Doubles with each attempt up to an hour, plus up to a tenth at random, so that many failures do not return together.
    """
    if attempt > max_attempts:
        return None
    doubled = min(first * 2 ** min(attempt - 2, 20), LONGEST)
    return doubled * (1 + random.random() / 10)  # noqa: S311 - spreads load, protects nothing

"""Waiting for the thing itself, with a limit, instead of for a time that is hoped to be long enough."""

import asyncio
import time
from collections.abc import Callable


def eventually[T](look: Callable[[], T], *, within: float = 15, what: str = "") -> T:
    """Look until the answer is truthy, and return it. Fails after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        if answer := look():
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what or look}; last answer {answer!r}")
        time.sleep(0.01)


async def eventually_async[T](look: Callable[[], T], *, within: float = 15, what: str = "") -> T:
    """The same from a coroutine; `look` must not touch the database."""
    deadline = time.monotonic() + within
    while True:
        if answer := look():
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what or look}; last answer {answer!r}")
        await asyncio.sleep(0.01)

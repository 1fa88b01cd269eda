"""ORM work from the event loop, on threads of our own.

Django's `sync_to_async` would put every call of the process on one thread, behind each other. These threads are few,
and give their connection back to the pool after each call.
"""

import asyncio
import contextvars
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from logging import Logger

from django.db import close_old_connections, connection, transaction
from django.utils import translation
from django.utils.translation import get_language

_THREADS = ThreadPoolExecutor(max_workers=6, thread_name_prefix="tasks-db")


async def in_thread[**P, R](function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call sync `function` on a database thread, in the language of here, and await what it returns."""
    context = contextvars.copy_context()
    spoken = partial(in_language, get_language(), partial(function, *args, **kwargs))
    call = partial(context.run, _with_fresh_connection, spoken)
    return await asyncio.get_running_loop().run_in_executor(_THREADS, call)


def in_language[R](language: str | None, function: Callable[[], R]) -> R:
    """Call `function` with `language` active: Django's own note of it does not follow a context to another thread."""
    with translation.override(language):
        return function()


def database_now() -> datetime:
    """The database's time: the clocks of several machines would not agree on what is due, or who is silent."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


@contextmanager
def by_the_way(logger: Logger, message: str, *about: object) -> Iterator[None]:
    """Around what belongs to a transaction and must not spoil it: trouble is undone by itself, and logged as `message`.

    Except when the connection itself is lost, and the transaction with it. That is raised: of a transaction that nobody
    knows to be lost Django ends the outermost block without a word, as if it had been stored.
    """
    try:
        with transaction.atomic():
            yield
    except Exception:
        if connection.needs_rollback or connection.closed_in_transaction:
            raise
        logger.exception(message, *about)


def _with_fresh_connection[R](function: Callable[[], R]) -> R:
    close_old_connections()
    try:
        return function()
    finally:
        close_old_connections()

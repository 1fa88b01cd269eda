"""The hub's own database thread: its re-reads do not queue behind pages, and pages not behind them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from channels.db import DatabaseSyncToAsync
from django.db import connections

_executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="live-database")


async def in_database_thread[T](work: Callable[[], T]) -> T:
    """The result of `work()`, run where the database may be used."""
    result: T = await DatabaseSyncToAsync(work, thread_sensitive=False, executor=_executor)()
    return result


def close_connections() -> None:
    """Give the thread's database connection back; a test database cannot be dropped while it is open."""
    _executor.submit(connections.close_all).result()

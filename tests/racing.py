"""Several things at the same moment, on real connections."""

import threading
from collections.abc import Callable

from django.db import connection, connections


def race(*contestants: Callable[[], object]) -> list[object]:
    """Run all at once, each on its own thread and connection; what each returned, or the exception it raised."""
    barrier = threading.Barrier(len(contestants))
    answers: list[object] = [None] * len(contestants)

    def enter(place: int) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=60)  # should one have failed to connect, the others do not wait for ever
            answers[place] = contestants[place]()
        except Exception as error:
            answers[place] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=enter, args=[place]) for place in range(len(contestants))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def in_thread(work: Callable[[], object], *, within: float = 20) -> None:
    """Run `work` on a connection of its own, to its end, which must come `within` so many seconds."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=within)
    assert not thread.is_alive(), "blocked"
    if failures:
        raise failures[0]

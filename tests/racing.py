"""Several things at the same moment, on real connections."""

import threading
from collections.abc import Callable

from django.db import connections


def race(*contestants: Callable[[], object]) -> list[object]:
    """Run all at once, each on its own thread and connection; what each returned, or the exception it raised."""
    barrier = threading.Barrier(len(contestants))
    answers: list[object] = [None] * len(contestants)

    def enter(place: int) -> None:
        barrier.wait()
        try:
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

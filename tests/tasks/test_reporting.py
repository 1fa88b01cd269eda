"""What a function says of its progress, before anybody stores it."""

import threading

from tasks.reporting import Reporter


class Heard(Reporter):
    """A reporter that nobody reads but the test."""

    def _wake_writer(self) -> None:
        pass


def test_items_counted_by_many_threads_are_all_counted() -> None:
    heard = Heard()
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        for _ in range(20_000):
            heard.advance()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard.take().processed == 80_000


def test_absolute_values_and_steps_speak_of_the_same_count() -> None:
    heard = Heard()
    heard.advance(3)
    heard.update(processed=10)
    assert heard.take().processed == 10
    heard.advance(2)
    assert heard.take().processed == 12


def test_the_count_never_falls() -> None:
    heard = Heard()
    heard.advance(7)
    heard.update(processed=5)
    assert heard.take().processed == 7

"""What a function says of its progress, before anybody stores it."""

import threading

from tasks.reporting import MAX_BATCH, MAX_BATCHES, Reporter


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


def test_of_very_many_batches_the_first_thousand_are_kept_and_the_log_says_so() -> None:
    heard = Heard()
    for number in range(1, MAX_BATCHES + 500):
        heard.batch(completed=number, total=2000, results=[{"item": number}])
    entries = heard.take().entries
    assert [data["batch_completed"] for kind, data, _ in entries if kind == "batch"] == [*range(1, MAX_BATCHES + 1)]
    [line] = [data for kind, data, _ in entries if kind == "log"]
    assert "1,000 batches" in line["message"]


def test_of_a_very_long_batch_as_many_results_are_kept_as_fit() -> None:
    heard = Heard()
    heard.batch(completed=1, total=1, results=[{"text": "x" * 1000}] * 100)
    [(_, data, _)] = heard.take().entries
    assert len(data["results"]) == MAX_BATCH // 1012
    assert len(data["results"]) + data["results_left_out"] == 100

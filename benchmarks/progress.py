"""A million progress calls of a running function beside tqdm's `update(1)`, and how often the row is written."""

import os
import time
from collections.abc import Callable

from benchmarks.harness import Result, Row, scratch_database

CALLS = 1_000_000
ROUNDS = 5


def main() -> None:
    """One run on a real worker; inside it they take turns."""
    with scratch_database():
        from benchmarks import functions
        from tasks.background import BackgroundWorker
        from tasks.models import TaskRun

        worker = BackgroundWorker().start()
        try:
            result = functions.count.enqueue(CALLS, ROUNDS)
            if not functions.has_counted.wait(600):
                raise SystemExit("the run did not end within 10 minutes")
        finally:
            worker.stop()
        seconds = functions.counted.pop("seconds")
        writes = TaskRun.objects.get(pk=result.id).seq - 3  # created, claimed, completed
    samples = {name: [seconds / CALLS * 1e9 for seconds in taken] for name, taken in functions.counted.items()}
    Result(
        key="progress_call",
        title=f"A progress call, {CALLS:,} in a row",
        unit="ns",
        rows=[
            Row(name="tqdm update(1)", samples=samples["tqdm"], is_baseline=True),
            Row(name="context.progress.advance()", samples=samples["advance"]),
            Row(name="context.progress.update(processed=n)", samples=samples["update"]),
        ],
        target="at most tqdm's; a million calls in less than a second; at most 6 writes a second",
        packages=["tqdm"],
        notes=[
            f"The run was written {writes / seconds[0]:.1f} times a second while the function called, "
            f"{writes} times in {seconds[0]:.1f} s"
        ],
    ).save()


def take_turns(context: object, calls: int, rounds: int) -> tuple[dict[str, list[float]], float]:
    """Seconds for `calls` calls of each, a list for each contestant; and the seconds of all of ours."""
    from tqdm import tqdm

    progress = context.progress  # type: ignore[attr-defined]
    taken: dict[str, list[float]] = {"tqdm": [], "advance": [], "update": []}

    def ours_advance() -> None:
        for _ in range(calls):
            progress.advance()

    def ours_update() -> None:
        for number in range(calls):
            progress.update(processed=number)

    with open(os.devnull, "w") as nowhere:

        def theirs() -> None:
            with tqdm(total=calls, file=nowhere) as bar:
                for _ in range(calls):
                    bar.update(1)

        for _ in range(rounds):
            for name, work in (("tqdm", theirs), ("advance", ours_advance), ("update", ours_update)):
                taken[name].append(_seconds(work))
    return taken, sum(taken["advance"]) + sum(taken["update"])


def _seconds(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()

"""What migrations do to a table of a million runs: how long each takes, and how long others wait. Prints a table.

The figures stand in docs/deployment.md. `python -m benchmarks.migrate`, about three minutes.
"""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from benchmarks.harness import scratch_database
from benchmarks.scale import LARGE, fill


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Seconds: of the migration, and the longest that a reader and a writer had to wait meanwhile."""

    whole: float
    reader: float
    writer: float


READ = "SELECT status FROM background_tasks WHERE id = (SELECT id FROM background_tasks LIMIT 1)"
WRITE = "UPDATE background_tasks SET message = 'x' WHERE id = (SELECT id FROM background_tasks LIMIT 1)"


def main() -> None:
    """Fill a database, apply one migration after the other."""
    with scratch_database() as url:
        fill(LARGE)
        print(
            f"  {LARGE:,} runs\n\n| migration | takes | a reader waits | a writer waits |\n|---|---|---|---|",
            flush=True,
        )
        for name, migration in _migrations():
            taken = measure(url, lambda made=migration: apply(made))
            print(f"| {name} | {taken.whole:.2f} s | {taken.reader:.2f} s | {taken.writer:.2f} s |", flush=True)


def measure(url: str, work: Callable[[], None]) -> Taken:
    """Do it while somebody reads and somebody writes."""
    over = threading.Event()
    longest = {READ: 0.0, WRITE: 0.0}

    def keep_asking(statement: str) -> None:
        import psycopg

        with closing(psycopg.connect(url, autocommit=True)) as connection:
            while not over.is_set():
                began = time.perf_counter()
                connection.execute(statement)
                longest[statement] = max(longest[statement], time.perf_counter() - began)
                time.sleep(0.005)

    threads = [threading.Thread(target=keep_asking, args=[statement]) for statement in longest]
    for thread in threads:
        thread.start()
    time.sleep(1)
    for statement in longest:
        longest[statement] = 0.0  # connecting is over
    began = time.perf_counter()
    try:
        work()
    finally:
        whole = time.perf_counter() - began
        over.set()
        for thread in threads:
            thread.join()
    return Taken(whole=whole, reader=longest[READ], writer=longest[WRITE])


def apply(migration: Any) -> None:
    """One migration, to the models as they are now, and what it adds to them for the next."""
    from django.db import connection

    with connection.schema_editor(atomic=migration.atomic) as editor:
        _state().apply(migration, editor)


class _States:
    """The models after each migration."""

    def __init__(self) -> None:
        from django.db import connection
        from django.db.migrations.loader import MigrationLoader

        self.now = MigrationLoader(connection).project_state()

    def apply(self, migration: Any, editor: Any) -> None:
        self.now = migration.apply(self.now, editor)


_states: list[_States] = []


def _state() -> _States:
    if not _states:
        _states.append(_States())
    return _states[0]


def _migrations() -> list[tuple[str, Any]]:
    from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently, ValidateConstraint
    from django.db import migrations, models

    def one(*operations: Any, atomic: bool = True) -> Any:
        made = migrations.Migration("0999_measured", "tasks")
        made.operations, made.atomic = list(operations), atomic
        return made

    check = models.CheckConstraint(condition=models.Q(seq__gte=0), name="measured_seq")
    column = models.CharField(max_length=9, default="", db_default="")
    return [
        ("a column with a default in the database", one(migrations.AddField("taskrun", "colour", column))),
        ("a check constraint, not valid yet", one(AddConstraintNotValid("taskrun", check))),
        ("its validation", one(ValidateConstraint("taskrun", check.name), atomic=False)),
        (
            "an index, concurrently",
            one(AddIndexConcurrently("taskrun", models.Index(fields=["message"], name="measured_a")), atomic=False),
        ),
        (
            "refused: an index in a transaction",
            one(migrations.AddIndex("taskrun", models.Index(fields=["topic", "message"], name="measured_b"))),
        ),
        (
            "refused: a check constraint at once",
            one(
                migrations.AddConstraint(
                    "taskrun", models.CheckConstraint(condition=models.Q(attempt__gte=0), name="measured_attempt")
                )
            ),
        ),
        (
            "refused: another type of a column",
            one(migrations.AlterField("taskrun", "seq", models.DecimalField(max_digits=30, decimal_places=0))),
        ),
    ]


if __name__ == "__main__":
    main()

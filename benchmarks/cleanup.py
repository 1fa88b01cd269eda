"""Cleaning up a million finished runs: how many a second, and what a claim costs meanwhile."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable

from benchmarks.harness import Result, Row, scratch_database

RUNS = 1_000_000
EVENTS = 3  # per run: it was enqueued, claimed and completed
CHUNK = 50_000
CLAIMS = 400


def main() -> None:
    """Build the past, claim in quiet, then claim while another process cleans up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--clean", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.clean:
        clean()
        return
    with scratch_database() as url:
        build(options.runs)
        quiet = claims(lambda count: count < CLAIMS)
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.cleanup", "--clean"]
        cleaner = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "DATABASE_URL": url})
        assert cleaner.stdout is not None
        cleaner.stdout.readline()  # it has begun
        busy = claims(lambda count: cleaner.poll() is None)
        deleted, seconds = cleaner.stdout.read().split()
    Result(
        key="cleanup",
        title=f"One claim, while {options.runs:,} finished runs are deleted",
        unit="ms",
        rows=[
            Row(name="claim, nobody cleans up", samples=quiet, is_baseline=True),
            Row(name="claim, while another process cleans up", samples=busy),
        ],
        target="no claim waits for a batch",
        packages=["django", "psycopg"],
        notes=[
            f"{int(deleted) / float(seconds):,.0f} runs a second deleted, each with {EVENTS} events: "
            f"{int(deleted):,} in {float(seconds):,.0f} s. {len(busy):,} runs were enqueued, claimed and completed "
            "meanwhile.",
            f"The slowest claim took {max(quiet):.0f} ms without, {max(busy):.0f} ms with a cleanup.",
        ],
    ).save()


def build(runs: int) -> None:
    """That many runs which completed a month ago, each with its events: copies of one that was really made."""
    from django.db import connection

    from tasks import lifecycle
    from tasks.models import TaskRun

    run = lifecycle.claim(make_run(), 1, worker="host:1:1")
    assert run is not None
    lifecycle.complete(run, None)
    changed = {
        "id": "gen_random_uuid()",
        "created_at": "now() - interval '30 days' - number * interval '1 ms'",
        "completed_at": "now() - interval '30 days' - number * interval '1 ms'",
        "ticket": "NULL",
    }
    columns = [field.column for field in TaskRun._meta.concrete_fields]
    values = [changed.get(column, column) for column in columns]
    with connection.cursor() as cursor:
        for first in range(0, runs, CHUNK):
            cursor.execute(
                f"INSERT INTO background_tasks ({', '.join(columns)}) SELECT {', '.join(values)} "
                "FROM background_tasks, generate_series(%s, %s) AS number WHERE id = %s",
                [first + 1, min(first + CHUNK, runs), run.pk],
            )
            print(f"  {min(first + CHUNK, runs):,} runs built", end="\r", flush=True)
        cursor.execute(
            "INSERT INTO task_events (run_id, seq, at, kind, data) SELECT id, number, completed_at, 'state', "
            '\'{"status": "completed"}\' FROM background_tasks, generate_series(1, %s) AS number WHERE id <> %s',
            [EVENTS, run.pk],
        )
        cursor.execute("ANALYZE background_tasks, task_events")
    print()


def make_run() -> object:
    """A waiting run. Returns its id."""
    from tasks import lifecycle

    return lifecycle.create(lifecycle.NewRun(task="benchmarks.functions.start", name="Start", args=[], kwargs={})).pk


def claims(go_on: Callable[[int], bool]) -> list[float]:
    """Milliseconds of each claim, as long as `go_on(count)`."""
    from tasks import lifecycle, tickets

    samples: list[float] = []
    while go_on(len(samples)):
        pk = make_run()
        begun = time.perf_counter()
        run = lifecycle.claim(pk, 1, worker="host:1:1")  # type: ignore[arg-type]
        samples.append((time.perf_counter() - begun) * 1000)
        assert run is not None
        lifecycle.complete(run, None)
        tickets.discard([run.ticket])
    return samples


def clean() -> None:
    """In a process of its own: delete what ended over a week ago; say how much that was, and how long it took."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "statusproj.settings")
    import django

    django.setup()
    from tasks.cleanup import cleanup_old_tasks

    print("begun", flush=True)
    begun = time.perf_counter()
    print(cleanup_old_tasks(24 * 7), time.perf_counter() - begun)


if __name__ == "__main__":
    main()

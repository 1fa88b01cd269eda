"""Two hours of ordinary work: does anything grow?

One web process, four workers, Postgres and Redis; `soak_traffic.py` works with them. One worker is as it comes, one has
two of malloc's arenas instead of one for each thread, one has jemalloc instead of malloc (Debian's libjemalloc2), and
one gets nothing to do: what that one gains, all gain. Every 15 s the memory, the file descriptors and the threads of
each process are noted. What was held once everything had been used (after a fifth of the time) is the baseline of what
is held at the end.

    python -m benchmarks.soak [seconds]
"""

import json
import signal
import statistics
import subprocess
import sys
import time
from ctypes.util import find_library
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.harness import Result, Row
from tools.fleet import Fleet, Sample, sample
from tools.fleet.installation import Worker
from tools.fleet.services import ROOT, free_port

SECONDS = 7200.0
EVERY = 15.0  # seconds between two looks
WARM = 0.2  # share of the time after which everything has been used
POINTS = 120  # of a line that are kept
MB = 1024 * 1024

# What is different about each worker: its environment and its arguments.
WORKERS: dict[str, tuple[dict[str, str], list[str]]] = {
    "worker": ({}, []),
    "worker, two arenas": ({"MALLOC_ARENA_MAX": "2"}, []),
    "worker, jemalloc": ({"LD_PRELOAD": "libjemalloc.so.2"}, []),
    "worker, idle": ({}, ["--queue", "nobody"]),
}


class Look(NamedTuple):
    """What one process held, so many seconds after the beginning."""

    at: float
    held: Sample


def main() -> None:
    """Work, look, and tell."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        demo = {"DEMO_SITE_PORT": str(free_port()), "TASKS_KEEP_HOURS": "0.25"}
        demo["INGEST_ALLOWED_HOSTS"] = f"127.0.0.1:{demo['DEMO_SITE_PORT']}"
        fleet = Fleet(folder, webs=1, workers=0, environment=demo)
        fleet.workers = [
            Worker(name, folder=folder, environment={**fleet.environment, **environment}, arguments=arguments)
            for name, (environment, arguments) in WORKERS.items()
            if "LD_PRELOAD" not in environment or find_library("jemalloc")
        ]
        with fleet:
            looks, did = _soak(fleet, seconds)
            logs = "\n".join(service.log.read_text(errors="replace") for service in fleet.services)
    result(looks, did, logs).save()


def _soak(fleet: Fleet, seconds: float) -> tuple[dict[str, list[Look]], dict[str, int]]:
    looks: dict[str, list[Look]] = {service.name: [] for service in fleet.services}
    told = fleet.folder / "traffic.log"
    with told.open("wb") as out:
        traffic = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.soak_traffic", str(fleet.webs[0].port)],
            cwd=ROOT,
            env=fleet.variables,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            start = time.monotonic()
            while (at := time.monotonic() - start) < seconds:
                if traffic.poll() is not None:
                    raise SystemExit(f"the traffic ended:\n{told.read_text()[-2000:]}")
                for service in fleet.services:
                    if not service.is_running():
                        raise SystemExit(f"{service.name} ended:\n{service.log.read_text()[-2000:]}")
                    if held := sample(service.pid):
                        looks[service.name].append(Look(at, held))
                time.sleep(EVERY)
        finally:
            traffic.send_signal(signal.SIGTERM)
            traffic.wait(120)
    return looks, json.loads(told.read_text().splitlines()[-1])


def result(looks: dict[str, list[Look]], did: dict[str, int], logs: str) -> Result:
    """The figure, with its lines. The first row is a process that does not change."""
    rows = [Row(name="memory of each process after a fifth of the time", samples=[1.0], is_baseline=True)]
    notes, lines = [], {}
    for name, all_of_it in looks.items():
        warm = [look for look in all_of_it if look.at >= WARM * all_of_it[-1].at]
        part = max(1, len(warm) // 8)
        before, after = warm[:part], warm[-part:]
        first = statistics.median(look.held.own for look in before)
        rows.append(Row(name=f"{name} at the end", samples=[look.held.own / first for look in after]))
        growth, later = _growth(warm), _growth([look for look in all_of_it if look.at >= all_of_it[-1].at / 2])
        last = statistics.median(look.held.own for look in after)
        descriptors, threads = ([_span(before, field), _span(after, field)] for field in ("descriptors", "threads"))
        notes.append(
            f"{name}: {first / MB:.1f} MB, at the end {last / MB:.1f} MB; {growth:+.2f} MB an hour, in the second "
            f"half {later:+.2f}; descriptors "
            f"{descriptors[0]}, at the end {descriptors[1]}; threads {threads[0]}, at the end {threads[1]}; "
            f"{all_of_it[-1].held.seconds / all_of_it[-1].at:.1%} of a core"
        )
        drawn = all_of_it[:: max(1, len(all_of_it) // POINTS)]
        lines[name] = [[round(look.at / 60, 2), round(look.held.own / MB, 2)] for look in drawn]
    minutes = max(line[-1][0] for line in lines.values())
    worked = ", ".join(f"{count} {what}" for what, count in did.items() if what != "told")
    notes.append(f"{minutes:.0f} minutes in all: {worked}")
    notes.append(f"{logs.count('Traceback (most recent call last)')} tracebacks in the logs of all processes")
    return Result(
        key="soak",
        title="Memory after hours of work",
        unit="×",
        rows=rows,
        target="no process grows",
        packages=("django", "daphne", "procrastinate", "channels-redis"),
        notes=notes,
        lines=lines,
        line_units=("minutes", "MB"),
    )


def _growth(looks: list[Look]) -> float:
    """By how many MB an hour."""
    return slope([(look.at, float(look.held.own)) for look in looks]) * 3600 / MB


def slope(points: list[tuple[float, float]]) -> float:
    """How steeply the points rise: the median slope between pairs (Theil and Sen), which no single jump decides."""
    half = len(points) // 2
    slopes = [
        (later[1] - sooner[1]) / (later[0] - sooner[0])
        for sooner, later in zip(points[:half], points[-half:], strict=True)
        if later[0] > sooner[0]
    ]
    return statistics.median(slopes) if slopes else 0.0


def _span(looks: list[Look], field: str) -> str:
    values = [getattr(look.held, field) for look in looks]
    return str(values[0]) if min(values) == max(values) else f"{min(values)} to {max(values)}"


if __name__ == "__main__":
    main()

"""`python -m benchmarks.scale_out`: 500 sockets, 5,000 runs, on two webs and four workers; then on one of each.

On a machine that is busy with something else `--runs 1000` says the same of what a run costs, and less of the rest.
"""

import argparse
import os
import signal
import sys
from statistics import median

from benchmarks.harness import Result, Row
from benchmarks.scale_out.plan import Load, Shape
from benchmarks.scale_out.rounds import Measured, measure
from tools.fleet import DebianPostgres, Nginx

WHOLE, SMALLEST = Shape(webs=2, workers=4), Shape(webs=1, workers=1)
USERS = 100  # with five sockets each
SHARE = 5  # on the smallest so much of the runs: it must not take five minutes
A_SECOND = 100  # runs that are started, so that there is always something to do
RUNS_WANTED, SECONDS_WANTED = 5000, 60
PARTS = {
    "postgres": "Postgres",
    "worker": "workers",
    "web": "webs",
    "redis": "Redis",
    "nginx": "nginx",
    "load": "who starts them",
}
PROCESSES = {
    "web-1": "a web",
    "worker-1": "a worker",
    "postgres": "Postgres, all of it",
    "redis": "Redis",
    "nginx": "nginx",
}
PACKAGES = ("django", "psycopg", "procrastinate", "channels-redis", "daphne")


def main() -> None:
    """Measure both, say what was wrong, keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale_out")
    parser.add_argument("--runs", type=int, default=RUNS_WANTED)
    runs = parser.parse_args().runs
    # What was started is ended, whoever ends us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    for program, there in (("nginx-light", Nginx.is_there()), ("postgresql", DebianPostgres.is_there())):
        if not there:
            print(f"  Measured without it: {program} is not installed (on Debian: apt-get install {program})")
    whole, smallest = (
        _measure(shape, Load(users=USERS, runs=number, seconds=number / A_SECOND))
        for shape, number in ((WHOLE, runs), (SMALLEST, max(runs // SHARE, 3 * USERS)))
    )
    if whole.trouble or smallest.trouble:
        sys.exit("Not everything held, so no figure is kept.")
    save(whole, smallest)


def _measure(shape: Shape, load: Load) -> Measured:
    print(f"  {shape.words}: {load.sockets} sockets, {load.runs:,} runs …", flush=True)
    measured = measure(shape, load)
    print(f"  {measured.rate:.1f} runs/s; {measured.settled:.1f} s until all was heard; {measured.traffic}", flush=True)
    for line in measured.trouble[:40]:
        print(f"  WRONG: {line}")
    return measured


def save(whole: Measured, smallest: Measured) -> None:
    """Rate, lateness, waiting, and what a run, a socket and a process cost."""
    both = (smallest, whole)
    Result(
        key="scale_out_rate",
        title=f"Runs ended a second, {whole.load.sockets} sockets open",
        unit="/s",
        rows=[Row(name=_name(one), samples=[one.rate], is_baseline=one is smallest) for one in both],
        target=f"{RUNS_WANTED:,} in {SECONDS_WANTED} s: {RUNS_WANTED / SECONDS_WANTED:.0f} a second",
        packages=PACKAGES,
        notes=[*_story(whole), *_costly(whole)],
    ).save()
    for key, title, kind in (
        ("end", "From the end of a run to those who watch it", "end"),
        ("progress", "From progress to those who watch it", "progress"),
        ("notification", "From a notification to its reader", "notification"),
    ):
        Result(
            key=f"scale_out_heard_{key}",
            title=f"{title}, through Redis and nginx",
            unit="ms",
            rows=[
                Row(name=_name(one), samples=[ms * 1000 for ms in one.delays[kind]], is_baseline=one is smallest)
                for one in both
            ],
            target="none: the machine is busy to its limit, so this is the worst of it",
        ).save()
    Result(
        key="scale_out_wait",
        title="From enqueue to start, runs started one by one",
        unit="s",
        rows=[Row(name=_name(one), samples=one.waits["single"], is_baseline=one is smallest) for one in both],
        target="none: it is what is left when more is started than can be done",
        notes=[
            f"{_name(one)}: runs of batches waited {median(one.waits['batch']):.1f} s, as batches do" for one in both
        ],
    ).save()
    _save_costs(whole)


def _save_costs(whole: Measured) -> None:
    runs, sockets = whole.load.runs, whole.load.sockets
    counted = f"{whole.commits:.1f} commits" if whole.statements is None else f"{whole.statements:.1f} statements"
    published, sent = (whole.traffic[what] / runs for what in ("published", "sent"))
    _save_parts(
        key="scale_out_run",
        title="Processor time of one run, by part of the installation",
        unit="ms",
        spent={words: seconds * 1000 / runs for words, seconds in _spent(whole, "started", "ended").items()},
        notes=[f"{counted} a run; {published:.1f} frames published and {sent:.1f} sent"],
    )
    _save_parts(
        key="scale_out_socket",
        title="Processor time of opening one socket, by part of the installation",
        unit="ms",
        spent={words: seconds * 1000 / sockets for words, seconds in _spent(whole, "resting", "opened").items()},
        notes=[f"{sockets} were opened in {whole.open_seconds:.1f} s, 50 at once"],
    )
    _save_parts(
        key="scale_out_rest",
        title="Processor time that an open socket takes a second while nothing happens",
        unit="µs",
        spent={
            words: seconds * 1e6 / whole.rest_seconds / sockets
            for words, seconds in _spent(whole, "opened", "started").items()
        },
        notes=[f"{sockets} sockets, over {whole.rest_seconds:.0f} s"],
    )
    Result(
        key="scale_out_frames",
        title="Frames of one run",
        unit="frames",
        rows=[
            Row(name="published", samples=[whole.traffic["published"] / runs], is_baseline=True),
            Row(name="sent to sockets", samples=[whole.traffic["sent"] / runs]),
            Row(name="superseded by newer progress", samples=[whole.traffic["superseded"] / runs]),
        ],
        target="none",
    ).save()
    held = whole.memory["ended"]
    Result(
        key="scale_out_held",
        title="Memory of an open socket, by part of the installation",
        unit="KB",
        rows=[
            Row(
                name=PARTS[part],
                samples=[(whole.memory["opened"][part] - whole.memory["resting"][part]) / sockets / 1000],
                is_baseline=part == "web",
            )
            for part in ("web", "nginx")
            if part in held
        ],
        target="none",
    ).save()
    Result(
        key="scale_out_memory",
        title="Memory of each process after all runs have ended",
        unit="MB",
        rows=[
            Row(name=words, samples=[held[name] / 1e6], is_baseline=name == "web-1")
            for name, words in PROCESSES.items()
            if name in held
        ],
        target="none",
        notes=["Pages that several processes share are counted once (PSS)"],
    ).save()


def _save_parts(*, key: str, title: str, unit: str, spent: dict[str, float], notes: list[str]) -> None:
    rows = [Row(name=words, samples=[value]) for words, value in spent.items()]
    Result(
        key=key,
        title=title,
        unit=unit,
        rows=[Row(name="all of it", samples=[sum(spent.values())], is_baseline=True), *rows],
        target="none; the column × is the share of the whole",
        notes=notes,
    ).save()


def _spent(measured: Measured, begin: str, end: str) -> dict[str, float]:
    """Processor seconds of each part between two marks."""
    parts = {part: words for part, words in PARTS.items() if part in measured.cpu[end]}
    return {words: measured.spent(part, begin, end) for part, words in parts.items()}


def _name(measured: Measured) -> str:
    return f"{measured.shape.words}, {measured.load.runs:,} runs"


def _story(whole: Measured) -> list[str]:
    load = whole.load
    shares = [f"{words} {s / whole.seconds:.0%}" for words, s in _spent(whole, "started", "ended").items()]
    frames = [f"{number:,.0f} {name}" for name, number in sorted(whole.traffic.items())]
    return [
        f"{load.runs:,} runs of {load.steps} steps in {whole.seconds:.1f} s: {load.watched} that waited and have a "
        f"socket each, {load.batch_owners} batches of {load.batch}, {load.trickle} one by one over "
        f"{whole.started['trickle']:.0f} s. Each tells of progress, logs a line, and ends with a notification",
        f"Sockets of {load.users} people, a fifth of them with API tokens: a run in JSON, one in HTML, all of theirs, "
        "a topic, notifications; lists and notifications a quarter in HTML",
        "Held: every run completed once, at its first attempt; every socket heard the end of all it watches once, "
        "nothing backwards, every line of the log; every notification written and told once; no error in any log",
        f"Of a core, of which there are {os.cpu_count()}: {', '.join(shares)}; the process of the clients "
        f"{whole.spent('sockets') / whole.seconds:.0%}",
        f"Frames of webs and workers: {', '.join(frames)}. Superseded is progress that newer progress replaced",
        f"Everybody had heard of everything {whole.settled:.1f} s after the last run",
        f"At most {whole.connections} connections to Postgres at once",
    ]


def _costly(whole: Measured) -> list[str]:
    if not whole.costly:
        return []
    return [
        "Where Postgres spends its time:",
        "| statement | a run | ms a run |",
        "|---|---:|---:|",
        *(f"| `{query.replace('|', '/')}` | {calls:.2f} | {ms:.3f} |" for query, calls, ms in whole.costly[:12]),
    ]


if __name__ == "__main__":
    main()

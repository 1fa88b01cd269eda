"""Ours beside bare Procrastinate, django-tasks-db and Celery with Redis: enqueue, batches, throughput, latency.

Each in its own processes, all on the same Postgres (Celery on a Redis of its own), in turns. The others live in an
environment of their own, which is made on the first run from contestants.txt.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.harness import Result, Row, redis_server, scratch_database

ROOT = Path(__file__).resolve().parent.parent
HERE = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".contestants"
ROUNDS = 3
RUNS = 600  # enqueued one by one, then worked off
BATCH = 5000
SLOW_BATCHES_LEFT_OUT = 1  # the first one opens connections and fills caches
STARTS = 40
STARTS_OF_POLLING = 8  # who looks once a second is measured less often


class Skipped(Exception):
    """A contestant cannot be measured here; the words say why."""


@dataclass(kw_only=True)
class Contestant:
    """One engine: how its client and its worker are started, and what was measured."""

    name: str
    client: list[str]
    worker: list[str]
    environment: Mapping[str, str]
    folder: Path
    starts: int = STARTS
    pause: float = 0.02
    is_baseline: bool = False
    samples: dict[str, list[float]] = field(default_factory=dict)
    cpu: list[float] = field(default_factory=list)

    def measure(self) -> None:
        """One round: everything once, but batches."""
        with self._place() as environment, self._started(self.client, environment, talks=True) as client:
            self._read(client)
            self._order(client, "enqueue", 20)
            single = self._order(client, "enqueue", RUNS)
            self.samples.setdefault("enqueue", []).append(single["per_second"])
            self.cpu.append(single["cpu"])
            with self._started(self.worker, environment):
                self._order(client, "drain", 20)
                busy = self._order(client, "throughput", RUNS)
                self.samples.setdefault("throughput", []).append(busy["per_second"])
                self._order(client, "latency", 3)
                self.samples.setdefault("start", []).extend(self._order(client, "latency", self.starts, self.pause))

    def measure_batch(self) -> None:
        """One batch. Nobody works it off: so only when everything else has been measured."""
        with self._place() as environment, self._started(self.client, environment, talks=True) as client:
            self._read(client)
            for number in range(1 + SLOW_BATCHES_LEFT_OUT):
                batch = self._order(client, "batch", BATCH)
                if batch is not None and number >= SLOW_BATCHES_LEFT_OUT:
                    self.samples.setdefault("batch", []).append(batch["per_second"])

    def row(self, key: str) -> Row | None:
        """What was measured, if it was."""
        if key not in self.samples:
            return None
        return Row(name=self.name, samples=self.samples[key], is_baseline=self.is_baseline)

    @contextmanager
    def _place(self) -> Iterator[dict[str, str]]:
        with tempfile.TemporaryDirectory(dir="/tmp") as place:
            environment = {**os.environ, **self.environment, "PYTHONWARNINGS": "ignore"}
            environment.pop("DJANGO_SETTINGS_MODULE")  # of this very process; theirs are another matter
            yield environment | {"BENCH_SOCKET": f"{place}/marks"}

    @contextmanager
    def _started(
        self, command: list[str], environment: Mapping[str, str], *, talks: bool = False
    ) -> Iterator[subprocess.Popen[str]]:
        pipe = subprocess.PIPE if talks else subprocess.DEVNULL
        with tempfile.TemporaryFile("w+") as complaints:
            process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdin=pipe, stdout=pipe, stderr=complaints, text=True
            )
            try:
                yield process
            except Skipped as reason:
                complaints.seek(0)
                last = (complaints.read().strip().splitlines() or ["no word of why"])[-1]
                raise Skipped(f"{reason}: {last}") from None
            finally:
                _end(process)

    def _order(self, client: subprocess.Popen[str], *order: Any) -> Any:
        assert client.stdin is not None
        client.stdin.write(json.dumps(order) + "\n")
        client.stdin.flush()
        return json.loads(self._read(client))

    def _read(self, client: subprocess.Popen[str]) -> str:
        assert client.stdout is not None
        line = client.stdout.readline()
        if not line:
            raise Skipped(f"{self.name}: its client ended")
        return line


def _end(process: "subprocess.Popen[str]") -> None:
    with suppress(BrokenPipeError):
        if process.stdin is not None:
            process.stdin.close()
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> None:
    """Measure everybody in turns, and say who could not be."""
    with ExitStack() as stack:
        url = stack.enter_context(scratch_database())
        contestants = [ours(url)]
        python = None
        try:
            python = environment()
        except Skipped as reason:
            print(f"  Skipped, all but ours: {reason}")
        if python is not None:
            contestants = [bare_procrastinate(python, stack), *contestants, tasks_db(python, stack)]
            if address := stack.enter_context(redis_server()):
                contestants.append(celery(python, address))
            else:
                print("  Skipped, Celery: no redis-server here (on Debian: apt-get install redis-server)")
        for work in (Contestant.measure, Contestant.measure_batch):
            for number in range(1, ROUNDS + 1):
                for contestant in list(contestants):
                    print(f"  {work.__name__}, round {number} of {ROUNDS}: {contestant.name}", flush=True)
                    try:
                        work(contestant)
                    except Skipped as reason:
                        print(f"  Skipped, {reason}")
                        contestants.remove(contestant)
    if any(contestant.is_baseline for contestant in contestants):
        save(contestants)
    else:
        print("  Nothing to compare with: no figures written.")


def save(contestants: list[Contestant]) -> None:
    """Four figures."""
    busy = ", ".join(f"{contestant.name} {median(contestant.cpu):.0%}" for contestant in contestants)
    versions = json.loads(
        subprocess.run(
            [_python(), "-c", _VERSIONS], check=True, capture_output=True, text=True, cwd=HERE / "contestants"
        ).stdout
    )
    said = "With " + ", ".join(f"{name} {number}" for name, number in versions.items())
    for key, title, unit, target, notes in (
        (
            "enqueue",
            "Enqueue one by one, one producer",
            "/s",
            "at least 0.5 × bare Procrastinate",
            [f"Share of the time that the client itself was busy: {busy}"],
        ),
        ("batch", f"Enqueue {BATCH:,} at once", "/s", "at least 0.5 × bare Procrastinate's batch", []),
        (
            "throughput",
            "No-op runs, one worker, three at once (django-tasks-db: one at once)",
            "/s",
            "at least django-tasks-db, with row, events, frames and notification",
            [],
        ),
        (
            "start",
            "Enqueue to start, idle worker, a process each",
            "ms",
            "at most 2 × bare Procrastinate",
            ["django-tasks-db looks once a second, as it comes"],
        ),
    ):
        rows = [row for contestant in contestants if (row := contestant.row(key)) is not None]
        if any(row.is_baseline for row in rows):
            Result(key=f"engine_{key}", title=title, unit=unit, rows=rows, target=target, notes=[*notes, said]).save()


_VERSIONS = """
import json
from importlib.metadata import version
print(json.dumps({name: version(name) for name in ("procrastinate", "django-tasks-db", "celery", "redis", "psycopg")}))
"""


def ours(url: str) -> Contestant:
    """This project, on the scratch database."""
    return Contestant(
        name="statusproj (row, events, frames, notification)",
        client=[sys.executable, "-m", "benchmarks.contestants.ours"],
        worker=[sys.executable, "manage.py", "worker", "--concurrency", "3"],
        environment={"DATABASE_URL": url},
        folder=ROOT,
    )


def bare_procrastinate(python: str, stack: ExitStack) -> Contestant:
    """On a database of its own on our server."""
    params = stack.enter_context(a_database("bench_procrastinate"))
    conninfo = " ".join(f"{key}={value}" for key, value in params.items() if value)
    return Contestant(
        name="bare Procrastinate",
        client=[python, "bare_procrastinate.py", "client"],
        worker=[python, "bare_procrastinate.py", "worker"],
        environment={"BENCH_DATABASE": conninfo},
        folder=HERE / "contestants",
        is_baseline=True,
    )


def tasks_db(python: str, stack: ExitStack) -> Contestant:
    """On a database of its own on our server."""
    params = stack.enter_context(a_database("bench_tasks_db"))
    return Contestant(
        name="django-tasks-db",
        client=[python, "tasks_db.py", "client"],
        worker=[python, "tasks_db.py", "worker"],
        environment={
            "BENCH_DATABASE_HOST": params["host"],
            "BENCH_DATABASE_NAME": params["dbname"],
            "BENCH_DATABASE_USER": params["user"],
            "BENCH_DATABASE_PORT": params["port"],
        },
        folder=HERE / "contestants",
        starts=STARTS_OF_POLLING,
        pause=1,
    )


def celery(python: str, address: str) -> Contestant:
    """On a Redis of its own."""
    return Contestant(
        name="Celery with Redis",
        client=[python, "celery_redis.py", "client"],
        worker=[python, "celery_redis.py", "worker"],
        environment={"BENCH_REDIS": address},
        folder=HERE / "contestants",
    )


def environment() -> str:
    """The Python of the contestants' environment, made or brought up to date. Raises Skipped."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv is None:
        raise Skipped("uv is not installed")
    lock = HERE / "contestants.txt"
    stamp = ENVIRONMENT / "ready"
    if not (stamp.exists() and stamp.read_text() == lock.read_text()):
        print("  Setting up .contestants (once) …", flush=True)
        commands = [
            [uv, "venv", "-q", "--clear", "--python", sys.executable, str(ENVIRONMENT)],
            [uv, "pip", "sync", "-q", "--python", _python(), str(lock)],
        ]
        for command in commands:
            done = subprocess.run(
                command, env={"UV_SYSTEM_CERTS": "true", **os.environ}, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise Skipped(f"their packages could not be installed: {done.stderr.strip().splitlines()[-1]}")
        stamp.write_text(lock.read_text())
    return _python()


def _python() -> str:
    return str(ENVIRONMENT / "bin" / "python")


@contextmanager
def a_database(name: str) -> Iterator[dict[str, str]]:
    """An empty database on our server, gone afterwards. Yields host, port, user and dbname."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {name}")
    params = connection.get_connection_params()
    try:
        yield {
            "host": str(params.get("host") or ""),
            "port": str(params.get("port") or ""),
            "user": str(params.get("user") or ""),
            "dbname": name,
        }
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


if __name__ == "__main__":
    main()

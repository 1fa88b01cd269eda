"""What every benchmark shares: a scratch database, statistics, and a result that knows its baseline."""

import asyncio
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from tools.fleet.installation import Redis, Worker
from tools.fleet.services import Service

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One contestant. `samples` are what was measured, in the result's unit."""

    name: str
    samples: list[float]
    is_baseline: bool = False

    @property
    def p50(self) -> float:
        """The median."""
        return statistics.median(self.samples)

    @property
    def p99(self) -> float:
        """The 99th percentile."""
        return self.percentile(99)

    def percentile(self, share: int) -> float:
        """What `share` of a hundred samples do not exceed."""
        return sorted(self.samples)[min(len(self.samples) - 1, len(self.samples) * share // 100)]


@dataclass(frozen=True, kw_only=True)
class Result:
    """One figure beside its baseline, measured in one run."""

    key: str
    title: str
    unit: str
    rows: list[Row]
    target: str
    packages: Sequence[str] = ()
    notes: Sequence[str] = field(default_factory=list)
    lines: Mapping[str, Sequence[Sequence[float]]] = field(default_factory=dict)
    """What is drawn instead of bars: points (x, y) by the name of their line."""
    line_units: tuple[str, str] = ("", "")

    def save(self) -> None:
        """Keep the figures, without the samples, for the report."""
        baseline = next(row for row in self.rows if row.is_baseline)
        data = {
            "key": self.key,
            "title": self.title,
            "unit": self.unit,
            "target": self.target,
            "notes": list(self.notes),
            "lines": {name: list(points) for name, points in self.lines.items()},
            "line_units": list(self.line_units),
            "versions": {name: version(name) for name in self.packages},
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "load": os.getloadavg()[1],
            "rows": [
                {
                    "name": row.name,
                    "is_baseline": row.is_baseline,
                    "samples": len(row.samples),
                    "p50": row.p50,
                    "p99": row.p99,
                    "ratio": row.p50 / baseline.p50,
                }
                for row in self.rows
            ],
        }
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{self.key}.json").write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
        for row in data["rows"]:  # type: ignore[union-attr]
            print(f"  {row['name']:<50} p50 {row['p50']:9.3f}  p99 {row['p99']:9.3f} {self.unit}  x {row['ratio']:.2f}")


class Helper:
    """A process that does jobs: a line in, a line out."""

    def __init__(self, *command: str, environment: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", *command],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, job: dict[str, Any]) -> dict[str, Any]:
        """Its answer to one job."""
        self.tell(job)
        return self.answer()

    def tell(self, job: dict[str, Any]) -> None:
        """Give it a job; its answer is asked for later."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Its answer to the job before."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} has ended")
        return json.loads(line)  # type: ignore[no-any-return]

    def end(self) -> None:
        """End it, and wait."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


async def listening(port: int, *, within: float, ended: Callable[[], bool] = lambda: False) -> None:
    """Return once somebody listens on `port`. Ends the benchmark when nobody does `within` so many seconds, or the
    server has `ended`."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if ended():
            raise SystemExit("the server ended at once")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise SystemExit(f"nobody listened within {within:.0f} s")


@contextmanager
def scratch_database() -> Iterator[str]:
    """A migrated database of its own in the configured cluster. Yields its DATABASE_URL."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "statusproj.settings")
    import django

    django.setup()
    from django.db import connection

    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    params = connection.get_connection_params()
    user = f"{params['user']}@" if params.get("user") else ""
    try:
        yield f"postgresql://{user}/{params['dbname']}?host={quote(str(params.get('host', '')))}"
    finally:
        connection.creation.destroy_test_db(str(params["dbname"]), verbosity=0)


@contextmanager
def redis_server() -> Iterator[str]:
    """A redis-server of our own. Yields its address; an empty one where none is installed."""
    if shutil.which("redis-server") is None:
        yield ""
        return
    with TemporaryDirectory(prefix="redis-") as folder, running(Redis(folder=Path(folder))) as redis:
        yield redis.url


@contextmanager
def worker(url: str, **settings: str) -> Iterator[Worker]:
    """A worker in a process of its own, ready for runs of the database at `url`. `settings`: environment variables."""
    with TemporaryDirectory(prefix="worker-") as folder:
        environment = {"DATABASE_URL": url, **settings}
        service = Worker("worker", folder=Path(folder), environment=environment, concurrency=3)
        with running(service):
            yield service


@contextmanager
def running[S: Service](service: S) -> Iterator[S]:
    """Start it, and see to it that it ends."""
    try:
        service.start()
        yield service
    finally:
        service.stop(within=60)

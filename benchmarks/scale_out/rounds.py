"""One round: start the installation, open the sockets, let the clock run until every run has ended, ask everybody."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from urllib.request import Request, urlopen

import psutil
import psycopg

from benchmarks.harness import Helper
from benchmarks.scale_out import checks
from benchmarks.scale_out.plan import Load, Shape, Socket, sockets_of
from tools.fleet import DebianPostgres, Fleet, Nginx, memory_of, seconds_of
from tools.fleet.installation import Postgres

PATIENCE = 90.0  # seconds after the last run for what it has to tell to arrive everywhere: the machine may be busy
LOOK_EVERY = 0.5
OBSERVER = "observer"  # the role that looks on: what it asks is nobody's work


@dataclass
class Measured:
    """What was seen. Processor seconds and bytes are by part of the installation."""

    shape: Shape
    load: Load
    trouble: list[str] = field(default_factory=list)  # what should not have been; empty if all was well
    seconds: float = 0.0  # from the first moment a run could start until the last one had ended
    settled: float = 0.0  # from then on until everybody had heard of it
    open_seconds: float = 0.0  # until all sockets were open
    rest_seconds: float = 0.0  # with all of them open, and nothing going on
    cpu: dict[str, dict[str, float]] = field(default_factory=dict)  # at each mark
    memory: dict[str, dict[str, int]] = field(default_factory=dict)
    waits: dict[str, list[float]] = field(default_factory=dict)  # seconds, of single runs and of batches
    delays: dict[str, list[float]] = field(default_factory=dict)  # seconds from published to heard, by kind of frame
    connections: int = 0  # to Postgres, at most
    statements: float | None = None  # a run; None where nobody counts
    commits: float = 0.0  # a run
    costly: list[tuple[str, float, float]] = field(default_factory=list)  # statement, calls a run, ms a run
    traffic: dict[str, float] = field(default_factory=dict)  # frames published, sent, superseded, dropped
    started: dict[str, float] = field(default_factory=dict)  # how the load was put on

    @property
    def rate(self) -> float:
        """Runs that ended a second."""
        return self.load.runs / self.seconds

    def spent(self, part: str, begin: str = "started", end: str = "ended") -> float:
        """Processor seconds between two marks."""
        return self.cpu[end][part] - self.cpu[begin][part]


class Round:
    """An installation of this shape under this load, once."""

    def __init__(self, shape: Shape, load: Load, fleet: Fleet, stack: ExitStack) -> None:
        self._fleet = fleet
        self._load = load
        self._measured = Measured(shape=shape, load=load)
        self.sockets: list[Socket] = []
        self.heard: list[dict[str, Any]] = []
        self._starter = self._helper(stack, "benchmarks.scale_out.load")
        self._crowd = self._helper(stack, "benchmarks.scale_out.sockets")
        with psycopg.connect(fleet.postgres.url, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {OBSERVER} SUPERUSER LOGIN")
        url = fleet.postgres.url.replace("://postgres@", f"://{OBSERVER}@")
        self.database = stack.enter_context(psycopg.connect(url, autocommit=True))

    def run(self) -> Measured:
        """All of it. What went wrong is said in `trouble`."""
        load, measured = self._load, self._measured
        headers = self._starter.ask({"do": "prepare", "users": load.users})["headers"]
        watched = self._starter.ask({"do": "watched", "steps": load.steps})["ids"]
        self.sockets = [socket for user in range(load.users) for socket in sockets_of(user, watched[user])]
        self._mark("resting")
        measured.open_seconds = self._open(headers)
        self._mark("opened")
        measured.rest_seconds = self._rest()
        self._mark("started")
        self._put_on_load()
        self._mark("ended")
        self.heard = self._hear()
        measured.traffic = self._traffic()
        measured.trouble += checks.database(self.database, load)
        measured.trouble += checks.sockets(self.database, self.sockets, self.heard)
        measured.trouble += checks.logs(self._fleet.folder)
        measured.waits = self._waits()
        return measured

    def _open(self, headers: list[dict[str, str]]) -> float:
        port = int(self._fleet.url.rpartition(":")[2])
        told = [
            {"path": one.path, "headers": headers[one.user], "html": one.html, "origin": self._fleet.url}
            for one in self.sockets
        ]
        return float(self._crowd.ask({"do": "open", "port": port, "sockets": told})["seconds"])

    def _rest(self) -> float:
        begun = time.perf_counter()
        time.sleep(min(5.0, self._load.seconds))
        self._crowd.ask({"do": "start"})
        return time.perf_counter() - begun

    def _put_on_load(self) -> None:
        load, measured = self._load, self._measured
        counts = self._count_statements()
        begun = time.perf_counter()
        self._starter.ask({"do": "go"})
        self._starter.tell(
            {
                "do": "load",
                "owners": load.batch_owners,
                "batch": load.batch,
                "trickle": load.trickle,
                "seconds": load.seconds,
                "steps": load.steps,
            }
        )
        while self._ended() < load.runs:
            if time.perf_counter() - begun > 20 * load.seconds + 60:
                raise SystemExit(f"{self._ended()} of {load.runs} runs have ended, and nobody goes on")
            measured.connections = max(
                measured.connections,
                self._one(
                    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename <> %s",
                    OBSERVER,
                ),
            )
            time.sleep(LOOK_EVERY)
        measured.started = self._starter.answer()
        # By its own clock: we look only now and then.
        measured.seconds = float(
            self._one("SELECT extract(epoch FROM max(completed_at) - min(started_at)) FROM background_tasks")
        )
        self._read_statements(counts)

    def _hear(self) -> list[dict[str, Any]]:
        expected = checks.expected(self.database, self.sockets)
        begun = time.monotonic()
        while self._heard_so_far() != expected and time.monotonic() < begun + PATIENCE:
            time.sleep(LOOK_EVERY)
        self._measured.settled = time.monotonic() - begun
        time.sleep(LOOK_EVERY)  # what would be heard twice comes now
        told = self._crowd.ask({"do": "tell"})
        self._measured.delays = told["delays"]
        return cast(list[dict[str, Any]], told["heard"])

    def _heard_so_far(self) -> tuple[int, int]:
        answer = self._crowd.ask({"do": "ended"})
        return answer["ends"], answer["notifications"]

    def _mark(self, name: str) -> None:
        families = dict(self._families())
        self._measured.cpu[name] = _summed({part: seconds_of(family) for part, family in families.items()})
        self._measured.memory[name] = _summed({part: memory_of(family) for part, family in families.items()})

    def _families(self) -> Iterator[tuple[str, list[psutil.Process]]]:
        yield "postgres", self._fleet.postgres.family()
        for service in self._fleet.services:
            yield service.name, service.family()
        yield "load", [psutil.Process(self._starter.process.pid)]
        yield "sockets", [psutil.Process(self._crowd.process.pid)]

    def _ended(self) -> int:
        return int(self._one("SELECT count(*) FROM background_tasks WHERE completed_at IS NOT NULL"))

    def _one(self, query: str, *values: object) -> Any:
        row = self.database.execute(query, values).fetchone()
        return row[0] if row else None

    def _count_statements(self) -> int:
        self._measured.statements = None
        if self._one("SELECT count(*) FROM pg_extension WHERE extname = 'pg_stat_statements'"):
            self.database.execute("SELECT pg_stat_statements_reset()")
            self._measured.statements = 0
        return int(self._one("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"))

    def _read_statements(self, commits: int) -> None:
        runs, measured = self._load.runs, self._measured
        measured.commits = (self._count_of_commits() - commits) / runs
        if measured.statements is None:
            return
        rows = self.database.execute(
            "SELECT query, calls, total_exec_time FROM pg_stat_statements JOIN pg_roles ON pg_roles.oid = userid"
            " WHERE rolname <> %s ORDER BY total_exec_time DESC",
            [OBSERVER],
        ).fetchall()
        measured.statements = sum(calls for _, calls, _ in rows) / runs
        measured.costly = [(_short(query), calls / runs, ms / runs) for query, calls, ms in rows[:25]]

    def _count_of_commits(self) -> int:
        return int(self._one("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"))

    def _waits(self) -> dict[str, list[float]]:
        # What watched runs waited for was us.
        rows = self.database.execute(
            "SELECT seq_of.number > %s AS is_single, extract(epoch FROM started_at - created_at)::float8 FROM ("
            "  SELECT *, row_number() OVER (ORDER BY created_at) AS number FROM background_tasks"
            ") seq_of WHERE number > %s",
            [self._load.runs - self._load.trickle, self._load.watched],
        ).fetchall()
        return {
            "single": [wait for is_single, wait in rows if is_single],
            "batch": [wait for is_single, wait in rows if not is_single],
        }

    def _traffic(self) -> dict[str, float]:
        token = self._fleet.environment["METRICS_TOKEN"]
        urls = [f"{web.url}/metrics" for web in self._fleet.webs] + [one.metrics_url for one in self._fleet.workers]
        total = {"published": self._measured.started["published"]}
        for url in urls:
            request = Request(url, headers={"Authorization": f"Bearer {token}"})
            with urlopen(request, timeout=30) as answer:
                text = answer.read().decode()
            for name, where, value in re.findall(
                r'^statusproj_frames_(\w+?)_total(?:\{where="(\w+)"\})? ([\d.e+]+)$', text, re.MULTILINE
            ):
                words = f"{name} ({where})" if where else name
                total[words] = total.get(words, 0.0) + float(value)
        return total

    def _helper(self, stack: ExitStack, module: str) -> Helper:
        helper = Helper(module, environment=self._fleet.environment)
        stack.callback(helper.end)
        return helper


@contextmanager
def installation(shape: Shape, environment: Mapping[str, str] | None = None) -> Iterator[Fleet]:
    """Debian's Postgres and nginx, where they are installed; the embedded one, and none, where not."""
    # Closed to others it would be closed to Postgres' own user.
    with TemporaryDirectory(prefix="scale-out-") as folder:
        fleet = Fleet(
            Path(folder),
            webs=shape.webs,
            workers=shape.workers,
            concurrency=shape.concurrency,
            postgres=DebianPostgres if DebianPostgres.is_there() else Postgres,
            nginx=Nginx.is_there(),
            environment=environment,
        )
        with fleet:
            yield fleet


def measure(shape: Shape, load: Load) -> Measured:
    """One round of an installation of its own."""
    with installation(shape) as fleet, ExitStack() as stack:
        return Round(shape, load, fleet, stack).run()


def _summed[N: (int, float)](by_process: Mapping[str, N]) -> dict[str, N]:
    """By process, and those that are several of a kind together: web-1 and web-2 are web as well."""
    summed: dict[str, N] = dict(by_process)
    for name, value in by_process.items():
        kind, dash, _ = name.partition("-")
        if dash:
            summed[kind] = summed.get(kind, value - value) + value
    return summed


def _short(query: str) -> str:
    text = " ".join(query.split())
    return text if len(text) <= 110 else f"{text[:70]} … {text[-36:]}"

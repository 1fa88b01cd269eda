"""Postgres, Redis, web and worker processes as one installation."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psutil

from tools.fleet.debian import DebianPostgres, Nginx
from tools.fleet.services import ROOT, Service, answers, free_port, listens


class Web(Service):
    """`manage.py serve` without a worker."""

    def __init__(self, name: str, *, folder: Path, environment: Mapping[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(
            name,
            [*PYTHON, "manage.py", "serve", "--no-migrate", "--no-worker", "--port", str(self.port)],
            folder=folder,
            environment=environment,
            is_ready=lambda: answers(f"{self.url}/healthz"),
        )


class Worker(Service):
    """`manage.py worker` with these `arguments`. It shows its own figures at `metrics_url`."""

    def __init__(
        self,
        name: str,
        *,
        folder: Path,
        environment: Mapping[str, str],
        concurrency: int = 3,
        arguments: Sequence[str] = (),
    ) -> None:
        port = free_port()
        self.metrics_url = f"http://127.0.0.1:{port}/metrics"
        super().__init__(
            name,
            [*PYTHON, "manage.py", "worker", "--concurrency", str(concurrency), *arguments],
            folder=folder,
            environment={**environment, "METRICS_PORT": str(port)},
            is_ready=lambda: listens(port),
        )


class Redis(Service):
    """A redis-server that keeps nothing: the layer needs nothing kept."""

    def __init__(self, *, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        super().__init__(
            "redis",
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            folder=folder,
            is_ready=lambda: listens(self.port),
        )


class Postgres:
    """The Postgres of the wheel, in a folder of its own, which can be killed and started again."""

    def __init__(self, *, folder: Path) -> None:
        # Not at the top: the module wants no settings, but its wheel does a second's work.
        from statusproj.embedded_postgres.server import DATABASE, EmbeddedServer

        self._server = EmbeddedServer(folder)
        host = self._server.ensure_running()
        self.url = f"postgresql://postgres@/{DATABASE}?host={quote(str(host))}"

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        return int((self._server.pgdata / "postmaster.pid").read_text().split()[0])

    def start(self) -> None:
        """Start it, after a kill as well: it recovers from its log."""
        self._server.ensure_running()

    def stop(self) -> None:
        """Stop it as a restart of its machine does: clients are cut off."""
        self._server._stop()

    def kill(self) -> None:
        """SIGKILL for the postmaster; its children end because of it."""
        process = psutil.Process(self.pid)
        children = process.children()
        process.kill()
        psutil.wait_procs([process, *children], timeout=30)

    def freeze(self, number: signal.Signals = signal.SIGSTOP) -> None:
        """SIGSTOP (or SIGCONT) for the postmaster and all its children: nobody is refused, nobody is answered."""
        for each in self.family():
            each.send_signal(number)

    def family(self) -> list[psutil.Process]:
        """The postmaster and its children."""
        process = psutil.Process(self.pid)
        return [process, *process.children()]

    def end(self) -> None:
        """Stop it for good."""
        self._server.release()


PYTHON = [sys.executable, "-W", "ignore"]


class Fleet:
    """So many web processes and workers on one Postgres and, where redis-server is installed, one Redis.

    `postgres` makes the database: Postgres or DebianPostgres. `nginx`: behind one, with our snippet. `url` is where
    people come in. `folder` takes the database and what the processes print. `environment` is for all of them, on top
    of our own; with its METRICS_TOKEN their figures are read. Use it as a context manager: everything that was started
    ends with it, by its id.
    """

    def __init__(
        self,
        folder: Path,
        *,
        webs: int = 1,
        workers: int = 2,
        concurrency: int = 3,
        environment: Mapping[str, str] | None = None,
        redis: bool = True,
        postgres: Callable[..., Postgres | DebianPostgres] = Postgres,
        nginx: bool = False,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.postgres = postgres(folder=folder)
        self.redis = Redis(folder=folder) if redis and shutil.which("redis-server") else None
        port = free_port()
        self.environment = {
            "DATABASE_URL": self.postgres.url,
            "DATA_DIR": str(folder),
            "DJANGO_SETTINGS_MODULE": "statusproj.settings",
            "METRICS_TOKEN": secrets.token_urlsafe(),
            # Our snippet hands the name on without its port: people do not type one.
            **({"CSRF_TRUSTED_ORIGINS": f"http://127.0.0.1:{port}", "TRUSTED_PROXIES": "1"} if nginx else {}),
            **({"REDIS_URL": self.redis.url} if self.redis else {}),
            **(environment or {}),
        }
        self.webs = [
            Web(name, folder=folder, environment=self.environment_of(name))
            for name in (f"web-{number}" for number in range(1, webs + 1))
        ]
        self.workers = [
            Worker(name, folder=folder, environment=self.environment_of(name), concurrency=concurrency)
            for name in (f"worker-{number}" for number in range(1, workers + 1))
        ]
        self.nginx = Nginx(folder=folder, port=port, ports=[web.port for web in self.webs]) if nginx else None
        self.url = self.nginx.url if self.nginx else self.webs[0].url if self.webs else ""

    def environment_of(self, name: str) -> Mapping[str, str]:
        """The environment of the process `name`: for all the same, unless a subclass puts something in their way."""
        return self.environment

    @property
    def services(self) -> list[Service]:
        """Every process of ours but Postgres."""
        before, behind = ([one] if one else [] for one in (self.redis, self.nginx))
        return [*before, *self.webs, *self.workers, *behind]

    @property
    def variables(self) -> dict[str, str]:
        """The environment for a process of somebody else's that works with the installation."""
        return {**os.environ, **self.environment}

    def python(self, *arguments: str) -> str:
        """Run Python with the installation's environment, as in `python("manage.py", "migrate")`. Returns what it
        printed. Raises RuntimeError with what it complained of."""
        done = subprocess.run(
            [*PYTHON, *arguments],
            cwd=ROOT,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        return done.stdout

    def __enter__(self) -> Self:
        """Migrate and start everything."""
        try:
            self.postgres.start()
            self.python("manage.py", "migrate", "-v", "0")
            for service in self.services:
                service.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        """End everything: workers first, so that their runs are put back in line."""
        for service in [*self.workers, *self.webs]:
            service.send(signal.SIGCONT)
            service.send(signal.SIGTERM)
        for service in reversed(self.services):
            service.stop()
        self.postgres.end()

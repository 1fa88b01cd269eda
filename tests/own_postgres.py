"""A Postgres that a test may stop and start: processes know it by its address only."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import psycopg
from django.conf import settings

from statusproj.embedded_postgres.server import DATABASE, EmbeddedServer
from tests.servers import ROOT


class OwnPostgres:
    """A server of our own that a test may stop and start; processes know it by its address only."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedServer(folder)
        self._host = self._server.ensure_running()
        url = f"postgresql://postgres@/{DATABASE}?host={quote(str(self._host))}"
        self.environment = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "statusproj.settings"}

    @property
    def libpq(self) -> dict[str, str]:
        """The same for who reads the variables that Postgres itself knows."""
        return {"PGHOST": str(self._host), "PGUSER": "postgres", "PGDATABASE": DATABASE}

    def stop(self) -> None:
        """Stop it as a restart of its machine does: clients are cut off."""
        self._server._stop()

    def start(self) -> None:
        """Start it again."""
        self._server.ensure_running()

    def end(self) -> None:
        """Stop it for good."""
        self._server.release()

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database says."""
        with psycopg.connect(host=str(self._host), user="postgres", dbname=DATABASE) as connection:
            return connection.execute(query, values).fetchall()

    def python(self, *arguments: str) -> str:
        """Run Python against it. Returns what was printed."""
        command = [sys.executable, "-W", "ignore", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **self.environment}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status_of(self, run_id: str) -> str:
        """The run's status."""
        return str(self.ask("SELECT status FROM background_tasks WHERE id = %s", run_id)[0][0])


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """A migrated database in a server of its own."""
    # Not in pytest's folder: each pytest that starts on this machine closes that to Postgres' own user.
    with TemporaryDirectory(prefix="outage-", dir=settings.DATA_DIR) as folder:
        server = OwnPostgres(Path(folder))
        try:
            server.python("manage.py", "migrate", "-v", "0")
            yield server
        finally:
            server.end()

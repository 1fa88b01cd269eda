"""Real `manage.py` processes against the test's own database, on free ports, ended by their id."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection

from tests.waiting import eventually
from tools.fleet.services import free_port as free_port

ROOT = Path(__file__).resolve().parent.parent


def require(program: str) -> str:
    """The path of a program this machine may lack: without it the test is skipped, in CI it fails."""
    if path := shutil.which(program):
        return path
    reason = f"{program} is not installed (on Debian: apt-get install {program})"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def database_url() -> str:
    """The test database of this very test process, as DATABASE_URL."""
    params = connection.get_connection_params()
    user = f"{params['user']}@" if params.get("user") else ""
    return f"postgresql://{user}/{params['dbname']}?host={quote(str(params['host']))}"


def get(port: int, path: str) -> bytes | None:
    """What a server of ours answers with 200; None while it does not answer so.

    Asked again and again while a server starts, so it must cost little: an HTTP client that loads its certificates each
    time took a processor away from the very server it waited for.
    """
    try:
        with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as http:
            http.request("GET", path)
            answer = http.getresponse()
            return answer.read() if answer.status == 200 else None
    except (OSError, HTTPException):
        return None


class Process:
    """One `manage.py` command."""

    program = ("manage.py",)
    python = sys.executable

    def __init__(self, *arguments: str, root: Path = ROOT, **environment: str) -> None:
        self.log = ""
        # Not a pipe: nobody reads while it runs, and a process that may not print any more stands still.
        self._out = tempfile.TemporaryFile("w+")  # noqa: SIM115 - end() closes it
        self._popen = subprocess.Popen(
            [self.python, "-W", "ignore", *self.program, *arguments],
            cwd=root,
            env={**os.environ, "DATABASE_URL": database_url(), "PYTHONUNBUFFERED": "1", **environment},
            stdout=self._out,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    def is_running(self) -> bool:
        """Has it not ended yet?"""
        return self._popen.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._popen.send_signal(number)

    def wait(self, timeout: float = 60) -> int:
        """Wait for the end. Returns the exit code, and keeps what was printed in `log`."""
        code = self._popen.wait(timeout)
        if not self._out.closed:
            self._out.seek(0)
            self.log = self._out.read()
        return code

    def end(self) -> None:
        """Make sure that it has ended."""
        if self.is_running():
            self.send(signal.SIGTERM)
            try:
                self.wait(20)
            except subprocess.TimeoutExpired:
                self._popen.kill()
        self.wait()
        self._out.close()


class Server(Process):
    """`manage.py serve`, once it answers."""

    command: tuple[str, ...] = ("serve",)

    def __init__(self, *arguments: str, port: int | None = None, root: Path = ROOT, **environment: str) -> None:
        self.port = port or free_port()
        super().__init__(*self.command, "--port", str(self.port), *arguments, root=root, **environment)
        try:
            eventually(self._answers, within=60, what="the server answers")
        except AssertionError:
            self.end()  # nobody else knows of it
            raise

    @property
    def url(self) -> str:
        """Where it serves, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """The same for sockets."""
        return f"ws://127.0.0.1:{self.port}"

    def _answers(self) -> bool:
        if not self.is_running():
            self.wait()
            raise AssertionError(f"the server ended at once:\n{self.log}")
        return get(self.port, "/sign-in/") is not None


class ServerAsItIs(Server):
    """`serve --no-migrate`: the test's database has all tables, and looking costs a second of a core each time."""

    command = ("serve", "--no-migrate")


class UvicornServer(Server):
    """The application under uvicorn: pages and sockets, no worker."""

    program = ("-m", "uvicorn")
    command = ("statusproj.asgi:application",)

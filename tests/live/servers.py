"""Real servers for tests: Daphne on the test database, and redis-server."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection

from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Does anybody answer there?"""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_database_url() -> str:
    """DATABASE_URL of the database this test runs on."""
    params = connection.get_connection_params()
    user, password = quote(params["user"]), quote(params.get("password") or "")
    return f"postgresql://{user}:{password}@/{params['dbname']}?host={quote(str(params['host']), safe='')}" + (
        f"&port={params['port']}" if params.get("port") else ""
    )


test_database_url.__test__ = False  # type: ignore[attr-defined]


@contextmanager
def running(command: list[str], port: int, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """`command`, from when it listens on `port`; ended with the block."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        eventually(lambda: listens(port) or process.poll() is not None, within=30, what=f"{command[0]} listens")
        assert process.poll() is None, process.stderr and process.stderr.read().decode()
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stderr is not None:
            process.stderr.close()


@contextmanager
def daphne(**environment: str) -> Iterator[int]:
    """Daphne serving the sockets of tests/live/daphne_app.py on the test database; yields its port."""
    port = free_port()
    application = "tests.live.daphne_app:application"
    command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), application]
    with running(command, port, DATABASE_URL=test_database_url(), **environment):
        yield port


def require_redis() -> str:
    """The redis-server here; without one the test is skipped, in CI it fails."""
    if path := shutil.which("redis-server"):
        return path
    reason = "redis-server is not installed (apt-get install redis-server)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def redis(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A redis-server that keeps nothing."""
    command = [require_redis(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with running(command, port) as process:
        yield process

"""Real servers for tests: Daphne and uvicorn on the test database, and redis-server."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from websockets.asyncio.client import connect

from tests.servers import ROOT, database_url, free_port, require
from tests.waiting import eventually


def listens(port: int) -> bool:
    """Does anybody answer there?"""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


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
def serving(kind: str, **environment: str) -> Iterator[int]:
    """The server of this kind with the sockets of tests/live/server_app.py on the test database; yields its port."""
    port = free_port()
    program = {"daphne": ["daphne", "-b"], "uvicorn": ["uvicorn", "--host"]}[kind]
    command = ["-m", *program, "127.0.0.1", "--port", str(port), "tests.live.server_app:application"]
    with running([sys.executable, *command], port, DATABASE_URL=database_url(), **environment):
        yield port


def dial(port: int, path: str = "/ws/things/one", session: str = "", origin: str | None = None) -> connect:
    """A connection being opened."""
    headers = {"Cookie": f"sessionid={session}"} if session else {}
    return connect(
        f"ws://127.0.0.1:{port}{path}",
        additional_headers=headers,
        origin=origin,  # type: ignore[arg-type]
        open_timeout=20,
    )


@contextmanager
def redis(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A redis-server that keeps nothing."""
    command = [require("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with running(command, port) as process:
        yield process

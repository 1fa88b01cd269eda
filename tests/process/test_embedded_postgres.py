"""The embedded Postgres: started by the first, shared, stopped by the last, and back after kill -9 of everything."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.servers import ROOT
from tests.waiting import eventually

pytestmark = pytest.mark.process

HOLD_A_CONNECTION = """
import django, sys
django.setup()
from django.db import connection
connection.cursor().execute(sys.argv[1])
print("connected", flush=True)
sys.stdin.readline()
"""


class Cluster:
    """A data folder of its own, and processes that use it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.users: list[subprocess.Popen[str]] = []
        self.environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"} | {
            "DATA_DIR": str(data_dir),
            "DJANGO_SETTINGS_MODULE": "statusproj.settings",
        }

    def connect(self, sql: str = "SELECT 1") -> subprocess.Popen[str]:
        """A process that has run `sql` and keeps its connection until told to end."""
        return connected(self.start(sql))

    def start(self, sql: str = "SELECT 1") -> subprocess.Popen[str]:
        """The same, on its way."""
        user = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", HOLD_A_CONNECTION, sql],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.users.append(user)
        return user

    @property
    def postmaster(self) -> int | None:
        """The server's pid; None while it does not run."""
        try:
            pid = int((self.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])
            return pid if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE else None
        except (FileNotFoundError, psutil.NoSuchProcess):
            return None

    def end(self) -> None:
        """End every process that is left."""
        for user in self.users:
            if user.poll() is None:
                leave(user)


def connected(user: subprocess.Popen[str]) -> subprocess.Popen[str]:
    """The process, once it has its connection."""
    assert user.stdout is not None
    assert user.stdout.readline() == "connected\n"
    return user


def leave(user: subprocess.Popen[str]) -> None:
    """Let a process end as processes normally do."""
    user.communicate("\n", timeout=30)


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An empty data folder; its server has ended after the test."""
    cluster = Cluster(tmp_path_factory.mktemp("data"))
    yield cluster
    cluster.end()
    assert cluster.postmaster is None


def test_two_processes_share_one_server_and_the_last_one_stops_it(cluster: Cluster) -> None:
    first = cluster.connect()
    server = cluster.postmaster
    assert server
    second = cluster.connect()
    assert cluster.postmaster == server
    leave(first)
    assert cluster.postmaster == server
    leave(second)
    assert cluster.postmaster is None


def test_of_many_processes_that_come_first_one_prepares_and_all_connect(cluster: Cluster) -> None:
    users = [cluster.start() for _ in range(5)]
    for user in users:
        connected(user)
    for user in users:
        leave(user)
    assert cluster.postmaster is None


def test_a_killed_user_does_not_keep_the_server_alive(cluster: Cluster) -> None:
    killed, other = cluster.connect(), cluster.connect()
    killed.kill()
    killed.communicate()
    leave(other)
    assert cluster.postmaster is None


def test_after_kill_9_of_everything_the_next_start_recovers_what_was_committed(cluster: Cluster) -> None:
    user = cluster.connect("CREATE TABLE kept AS SELECT 42 AS answer")
    server = psutil.Process(cluster.postmaster)
    family = [server, *server.children(recursive=True)]
    user.kill()
    for process in family:
        process.send_signal(signal.SIGKILL)
    user.communicate()
    psutil.wait_procs(family, timeout=10)
    eventually(lambda: cluster.postmaster is None)
    leave(cluster.connect("SELECT answer / (answer - 41) FROM kept"))


@pytest.mark.parametrize("command", [["check"], ["help"], ["export_openapi_schema", "--api", "statusproj.api.api"]])
def test_commands_that_need_no_database_start_none(cluster: Cluster, command: list[str]) -> None:
    subprocess.run(
        [sys.executable, "manage.py", *command], cwd=ROOT, env=cluster.environment, check=True, capture_output=True
    )
    assert not (cluster.data_dir / "postgres").exists()

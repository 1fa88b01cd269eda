"""Processes of a test, ended after it."""

from collections.abc import Iterator

import pytest

from tasks import tickets
from tests.live.servers import redis
from tests.servers import Process, Server, ServerAsItIs, UvicornServer, free_port, require
from tests.waiting import eventually


@pytest.fixture
def started(engine_tables: None) -> Iterator[list[Process]]:
    """Processes a test adds here are ended after it."""
    processes: list[Process] = []
    yield processes
    for process in processes:
        process.end()


@pytest.fixture
def server(started: list[Process]) -> Server:
    """One `manage.py serve` with its worker."""
    server = ServerAsItIs()
    started.append(server)
    return server


@pytest.fixture(params=["daphne", "uvicorn"])
def any_server(request: pytest.FixtureRequest, started: list[Process]) -> Iterator[Server]:
    """Daphne with its worker in one process; uvicorn and a worker beside it, joined by Redis."""
    if request.param == "daphne":
        started.append(server := ServerAsItIs())
        yield server
        return
    require("redis-server")
    port = free_port()
    with redis(port):
        address = f"redis://127.0.0.1:{port}/0"
        started.append(Process("worker", REDIS_URL=address))
        started.append(server := UvicornServer(REDIS_URL=address))
        eventually(tickets.last_heartbeat, what="the worker registers")
        yield server
        for process in started:
            process.end()

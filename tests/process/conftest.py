"""Processes of a test, ended after it."""

from collections.abc import Iterator

import pytest

from tests.servers import Process, Server


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
    server = Server()
    started.append(server)
    return server

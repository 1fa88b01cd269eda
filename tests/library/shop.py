"""Commands of examples/minimal."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers import ROOT, Process, free_port, get
from tests.waiting import eventually

EXAMPLE = ROOT / "examples" / "minimal"


@dataclass(frozen=True)
class Shop:
    """The example with a Python that has our wheel, and a database."""

    python: Path
    database: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of our own project reaches it."""
        return {**self.database, "DJANGO_SETTINGS_MODULE": "shop.settings", "PYTHONPATH": ""}

    def run(self, *arguments: str) -> str:
        """One command of it, warnings being errors of the test. Returns what it printed."""
        command = [self.python, "-W", "error", "manage.py", *arguments]
        environment = {**os.environ, **self.environment}
        done = subprocess.run(command, cwd=EXAMPLE, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def shell(self, code: str) -> str:
        """A line of Python that knows its models."""
        return self.run("shell", "--verbosity", "0", "--command", code)

    @contextmanager
    def running(self, *arguments: str) -> Iterator[Process]:
        """A command of it that goes on."""
        process = _Command(self, *arguments)
        try:
            yield process
        finally:
            process.end()

    @contextmanager
    def serving(self, *arguments: str) -> Iterator[int]:
        """A command that serves at the port it is told. Gives the port, once pages are answered."""
        port = free_port()
        with self.running(*(argument.format(port=port) for argument in arguments)) as process:
            eventually(lambda: not process.is_running() or get(port, "/enter/"), within=120, what="the shop answers")
            if not process.is_running():
                process.wait()
                raise AssertionError(f"the shop ended at once:\n{process.log}")
            yield port


class _Command(Process):
    def __init__(self, shop: Shop, *arguments: str) -> None:
        self.python = str(shop.python)
        super().__init__(*arguments, root=EXAMPLE, **shop.environment)

"""What mypy says to users of `tasks.decorators.task`: the options and the arguments are checked."""

import subprocess
import sys
from pathlib import Path

from tests.servers import ROOT

SNIPPET = """
from datetime import timedelta
from django.contrib.auth.models import User
from tasks.backend import TaskContext
from tasks.decorators import task

@task
def plain(a: int) -> str:
    return str(a)

@task(takes_context=True, timeout=timedelta(minutes=1), max_attempts=3, title="T", topic="t", unique="u", isolate=True)
def rich(context: TaskContext, a: int) -> int:
    context.checkpoint.save({"at": context.attempt})
    context.items.done("a")
    return a

@task(max_attempts=2)
async def coroutine(name: str) -> None: ...

def good(user: User) -> None:
    plain.enqueue(1)
    rich.using(owner=user, topic="x", unique="y", title="z", timeout=timedelta(hours=1), max_attempts=1).enqueue(a=2)
    coroutine.using(priority=5).enqueue("x")

def bad(user: User) -> None:
    plain.enqueue("1")  # BAD
    rich.enqueue()  # BAD
    rich.using(owner="me")  # BAD
    rich.using(timeout=30)  # BAD
    coroutine.using(unknown=1)  # BAD

@task(timeout=30)  # BAD
def slow() -> None: ...

@task(isolated=True)  # BAD
def mistyped() -> None: ...
"""


def test_options_and_arguments_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "snippet.py"
    path.write_text(SNIPPET)
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "--no-error-summary", str(path)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    bad = [number for number, line in enumerate(SNIPPET.splitlines(), start=1) if line.endswith("# BAD")]
    found = {int(line.split(":")[1]) for line in said.splitlines() if ": error:" in line and "snippet.py" in line}
    assert found == set(bad), said

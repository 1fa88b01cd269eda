"""docs/tutorial.md, done from its first line to its last as a newcomer would: these files, commands and answers.

Two things are not as the page has them: the work takes a tenth of the time, and nobody waits for the schedule's ten
seconds.
"""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import execute_from_command_line
from django.test import Client
from django.utils import timezone

from tasks.models import Schedule, TaskRun
from tests.docs.alike import assert_said, assert_same_shape
from tests.documented import Block, all_blocks
from tests.servers import Server, require
from tests.waiting import eventually

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

PASSWORD = "correct horse battery"
OUR_OWN_MANAGE = ".venv/bin/python manage.py "


class Reader:
    """Somebody who does what the page says, block by block, and looks at what comes."""

    def __init__(self, folder: Path, settings: Any) -> None:
        self._folder = folder
        self._settings = settings
        self._server: Server | None = None
        self._environment = {"PYTHONPATH": str(folder)}
        self._shell: dict[str, Any] = {}
        self._terminal = {"RUN": "", "TOKEN": ""}
        self.said = ""
        self.steps = 0
        self.logs: list[str] = []  # what each server said, once it has ended

    def do(self, block: Block) -> None:
        """One block."""
        if block.language == "python" and block.title == "statusproj/settings.py":
            self._add_to_settings(block.text)
        elif block.language == "python" and block.title:
            (self._folder / block.title).write_text(self._as_here(block.text))
        elif block.language == "python":
            self.said = self._printed(lambda: exec(compile(block.text, str(block), "exec"), self._shell))
        elif block.language == "sh":
            self.said = "".join(self._command(line) for line in block.text.splitlines())
        elif block.language == "json":
            assert_same_shape(json.loads(block.text), json.loads(self.said))
        else:
            assert_said(block.text, self.said)
        self.steps += 1

    def leave(self) -> None:
        """Stop the server."""
        if self._server is not None:
            self._server.end()
            self.logs.append(self._server.log)
            self._server = None

    def _as_here(self, text: str) -> str:
        port = "8000" if self._server is None else str(self._server.port)
        return text.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace("sleep(0.5)", "sleep(0.05)")

    def _add_to_settings(self, text: str) -> None:
        """The line at the end of the settings, then server and shell anew, as the page asks for."""
        (self._folder / "settings_of_the_tutorial.py").write_text(f"from statusproj.settings import *\n{text}")
        exec(text, {"TASKS_SCHEDULABLE": self._settings.TASKS_SCHEDULABLE})
        assert self._server is not None
        port = self._server.port
        self.leave()
        self._environment["DJANGO_SETTINGS_MODULE"] = "settings_of_the_tutorial"
        self._server = Server(port=port, **self._environment)
        self._shell = {}

    def _command(self, line: str) -> str:
        """What one line at a terminal prints."""
        if found := re.match(r"(RUN|TOKEN)=", line):
            name = found[1]
            self._terminal[name] = str(self._shell["run"].id) if name == "RUN" else a_token(self._shell["ann"])
            return ""
        if line == "make run":  # what it calls once .venv is there; tests/docs/test_blocks.py knows the target
            self._server = Server(**self._environment)
            return ""
        if line.startswith(("git ", "cd ", "export ")) or line == f"{OUR_OWN_MANAGE}shell":
            return ""
        line = self._as_here(re.sub(r"\$(RUN|TOKEN)", lambda name: self._terminal[name[1]], line))
        if line.startswith(OUR_OWN_MANAGE):
            return self._printed(lambda: manage(line.removeprefix(OUR_OWN_MANAGE).split()))
        if line.startswith("curl "):
            require("curl")
        else:
            line = line.replace(".venv/bin/python", sys.executable)
        ran = subprocess.run(
            ["sh", "-euc", line],
            cwd=self._folder,
            env={**os.environ, **self._terminal},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert not ran.returncode, ran.stderr
        return ran.stdout

    def _printed(self, do: Any) -> str:
        out = io.StringIO()
        with redirect_stdout(out), redirect_stderr(out):
            do()
        return out.getvalue()


def manage(words: list[str]) -> None:
    """`manage.py …` without a process of its own; whatever its exit code. Nobody is here to type a password."""
    with suppress(SystemExit):
        execute_from_command_line(["manage.py", *words, *(["--noinput"] if words[0] == "createsuperuser" else [])])


def a_token(user: User) -> str:
    """A new token from the page, where it is shown once."""
    client = Client()
    client.force_login(user)
    page = client.post("/profile/tokens/", {"name": "Tutorial", "scopes": ["read", "write"], "days": 90})
    [secret] = re.findall(r'value="(spt_[^"]+)"', page.content.decode())
    return secret


@pytest.fixture
def reader(engine_tables: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Reader]:
    """A reader in a folder of their own."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    monkeypatch.setenv("COLUMNS", "100")
    settings.TASKS_SCHEDULABLE = dict(settings.TASKS_SCHEDULABLE)
    somebody = Reader(tmp_path, settings)
    yield somebody
    somebody.leave()
    for name in ("sheep", "parcels"):
        sys.modules.pop(name, None)


def test_the_tutorial_is_true_from_its_first_line_to_its_last(reader: Reader) -> None:
    begins, first_words, *rest = all_blocks("docs/tutorial.md")
    reader.do(begins)
    for block in rest:
        if "schedules disable" in block.text:
            # As if ten seconds had passed.
            Schedule.objects.update(next_run_at=timezone.now())
            eventually(lambda: TaskRun.objects.filter(kwargs={"number": 3}, status="completed").first())
        if "tasks cancel $RUN" in block.text:
            # By the time a person has typed it, it runs.
            eventually(lambda: TaskRun.objects.filter(args=[1000], status="running").first())
        reader.do(block)
    reader.leave()
    for line in first_words.text.splitlines():
        assert_said(f"…{line}…", reader.logs[0])
    assert reader.steps > 40
    runs = {run.name: run for run in TaskRun.objects.filter(status="completed").order_by("created_at")}
    parcels = [event.data["message"] for event in runs["Deliver parcels"].events.filter(kind="log")]
    assert [line for line in parcels if "delivered" in line] == [f"parcel {each} delivered" for each in range(1, 7)]
    assert runs["Deliver parcels"].attempt == 2

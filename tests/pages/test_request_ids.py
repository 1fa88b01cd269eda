"""What happened for one request can be found: by its id in the answer, in every log line, and with the runs it made."""

import io
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from statusproj import health
from statusproj.log_lines import JsonFormatter
from statusproj.request_ids import ACCEPTED
from tasks import correlation
from tasks.models import TaskRun
from tasks.states import FINAL, Status
from tests.servers import ROOT
from tests.tasks import functions
from tests.tasks.runs import make_run, make_run_in
from tests.waiting import eventually
from tests.workers import WorkerThread

GIVEN = "edge-7f3a2b9c"

type Said = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def said() -> Iterator[Said]:
    """`said()`: what was logged since, line by line as a machine reads it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.addHandler(handler)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.removeHandler(handler)


def test_a_request_keeps_the_id_it_comes_with(client: Client) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": GIVEN})["X-Request-ID"] == GIVEN
    made = [client.get("/healthz")["X-Request-ID"] for _ in range(2)]
    assert made[0] != made[1] and all(ACCEPTED.fullmatch(one) for one in made)
    assert correlation.request_id() == ""  # the next request does not find it


@pytest.mark.parametrize(
    "hostile", ["short", "x" * 129, "a b c d e f g", "12345678\nforged", 'quote"12345', "<script>x"]
)
def test_an_id_that_is_none_is_replaced(client: Client, hostile: str) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": hostile})["X-Request-ID"] != hostile


def test_a_run_knows_the_request_that_made_it_and_what_its_worker_logs_says_both(
    worker: WorkerThread, owner: User, client_of: Callable[[User], Client], said: Said
) -> None:
    failed = make_run_in(Status.FAILED, owner, task="tests.tasks.functions.raise_secretly", args=[])
    answer = client_of(owner).post(f"/api/background-tasks/task/{failed.pk}/retry", headers={"X-Request-ID": GIVEN})
    run = eventually(lambda: TaskRun.objects.filter(retry_of=failed.pk, status__in=FINAL).first(), within=30)
    assert (answer["X-Request-ID"], run.metadata["request_id"]) == (GIVEN, GIVEN)
    [line] = [line for line in said() if line["logger"] == "tasks.execution" and "failed" in line["message"]]
    assert (line["request_id"], line["run_id"], line["level"]) == (GIVEN, str(run.pk), "WARNING")


def test_runs_that_no_request_made_name_none(db: None, owner: User) -> None:
    assert make_run(owner).metadata == {}
    with correlation.serving(GIVEN):
        many = functions.add.using(owner=owner, metadata={"why": "a test"}).enqueue(1, 2)
    assert TaskRun.objects.get(pk=many.id).metadata == {"why": "a test", "request_id": GIVEN}


def test_in_a_child_process_every_thread_works_for_the_run(
    db: None, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(correlation, "_of_process", {})
    run = make_run(owner, metadata={"request_id": GIVEN})
    correlation.executing(run, whole_process=True)
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.extend([correlation.run_id(), correlation.request_id()]))
    thread.start()
    thread.join()
    assert found == [str(run.pk), GIVEN]


def test_a_line_stays_a_line_whatever_is_logged(said: Said) -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        logging.getLogger("any").exception("two\nlines “%s”", "é", extra={"thing": object, "level": "forged", "n": 3})
    [line] = said()
    assert (line["message"], line["level"], line["n"]) == ("two\nlines “é”", "ERROR", 3)
    assert "ValueError: first" in line["exception"] and line["at"].endswith("Z") and line["pid"] == os.getpid()
    assert "request_id" not in line and "run_id" not in line


def test_the_setting_makes_every_line_json_and_refuses_what_it_does_not_know() -> None:
    script = "import django, logging; django.setup(); logging.getLogger('x').warning('a %s', 'b')"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "statusproj.settings"}

    def run(form: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script],
            cwd=ROOT, env={**environment, "LOG_FORMAT": form}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert json.loads(run("json").stderr)["message"] == "a b"
    refused = run("xml")
    assert refused.returncode != 0 and "LOG_FORMAT is 'xml'" in refused.stderr


def test_the_page_of_a_run_names_the_request_to_those_who_have_the_log(
    owner: User, staff: User, client_of: Callable[[User], Client]
) -> None:
    run = make_run(owner, metadata={"request_id": GIVEN})
    assert GIVEN not in client_of(owner).get(run.get_absolute_url()).content.decode()
    assert GIVEN in client_of(staff).get(run.get_absolute_url()).content.decode()


def test_probes_that_find_all_well_are_no_lines_of_the_log(
    client: Client, said: Said, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, db: None
) -> None:
    caplog.set_level(logging.INFO, logger="statusproj.requests")
    for path in ("/healthz", "/readyz", "/sign-in/"):
        client.get(path)
    monkeypatch.setattr(health, "_migrations", lambda: "missing")
    client.get("/readyz")
    lines = [(line["path"], line["status"]) for line in said() if line["logger"] == "statusproj.requests"]
    assert lines == [("/sign-in/", 200), ("/readyz", 503)]

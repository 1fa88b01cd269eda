"""What a function logs, kept with its run."""

import logging
import logging.handlers

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tasks.models import TaskEvent, TaskRun
from tasks.reporting import MAX_LOG_LINES
from tasks.states import FINAL, Status
from tests.tasks import working_functions as functions
from tests.waiting import eventually
from tests.workers import WorkerThread


def ended(result: object, within: float = 30) -> TaskRun:
    """The run of a TaskResult, once it has ended."""
    return eventually(lambda: TaskRun.objects.filter(pk=result.id, status__in=FINAL).first(), within=within)


def log_of(run: TaskRun) -> list[tuple[str, str]]:
    """Level and message of each line."""
    return [(event.data["level"], event.data["message"]) for event in run.events.filter(kind=TaskEvent.Kind.LOG)]


@pytest.mark.parametrize("function", [functions.say, functions.say_in_coroutine])
def test_the_loggers_of_a_functions_module_and_below_arrive_with_their_own_run(
    worker: WorkerThread, function: object
) -> None:
    results = {text: function.enqueue(text) for text in ("one", "two", "three")}
    for text, result in results.items():
        said = log_of(ended(result))
        assert said[:3] == [
            ("info", f"{text}: info"),
            ("warning", f"{text}: below"),
            ("error", f"{text}: with an error (ValueError: broken)"),
        ]
        assert said[3:] == ([("info", f"{text}: thread")] if function is functions.say_in_coroutine else [])


def test_those_above_hear_only_what_they_would_have_heard(worker: WorkerThread) -> None:
    root, heard = logging.getLogger(), logging.handlers.BufferingHandler(1000)
    level = root.level
    root.addHandler(heard)
    try:
        ended(functions.say.enqueue("x"))
        root.setLevel(logging.INFO)
        ended(functions.say.enqueue("y"))
    finally:
        root.removeHandler(heard)
        root.setLevel(level)
    said = [record.getMessage() for record in heard.buffer if record.name.startswith(functions.__name__)]
    assert said == ["x: below", "x: with an error", "y: info", "y: below", "y: with an error"]


def test_outside_of_runs_a_module_logs_to_no_run(worker: WorkerThread) -> None:
    run = ended(functions.say.enqueue("inside"))
    before = len(log_of(run))
    functions.logger.warning("outside")
    assert len(log_of(run)) == before


def test_secrets_nul_bytes_long_lines_and_wrong_arguments_do_no_harm(worker: WorkerThread) -> None:
    run = ended(functions.say_secrets.enqueue())
    assert run.status == Status.COMPLETED
    first, second = log_of(run)
    assert first == ("info", "connecting to postgres://***@db/prod?token=***")
    assert second[1].startswith("nul  and xxx")
    assert len(second[1]) == 2000


def test_lines_are_there_within_a_second_and_stay_when_the_run_fails(worker: WorkerThread) -> None:
    functions.gate("log").clear()
    result = functions.say_and_wait.enqueue("log")
    eventually(lambda: log_of(TaskRun.objects.get(pk=result.id)), within=5)
    functions.gate("log").set()
    run = ended(result)
    assert run.status == Status.FAILED
    assert log_of(run) == [("info", "before the gate")]


@pytest.mark.parametrize("function", [functions.say_too_much, functions.say_too_much_isolated])
def test_a_run_keeps_ten_thousand_lines_and_says_how_many_were_dropped(worker: WorkerThread, function: object) -> None:
    lines = log_of(ended(function.enqueue(MAX_LOG_LINES + 500)))
    assert len(lines) == MAX_LOG_LINES + 2
    assert lines[-3] == ("info", f"line {MAX_LOG_LINES - 1}")
    assert lines[-1] == ("warning", "500 more lines were dropped: a run keeps 10,000.")


def test_the_log_can_be_downloaded_as_text_by_its_owner_only(
    worker: WorkerThread, owner: User, stranger: User, client_of: object
) -> None:
    run = ended(functions.say.using(owner=owner).enqueue("two\nlines"))
    address = f"/api/background-tasks/task/{run.pk}/logs"
    answer = client_of(owner).get(address)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    lines = answer.content.decode().splitlines()
    assert lines[0].endswith("STATE    Queued")
    assert any(line.endswith("INFO     two") for line in lines)
    assert "    lines: info" in lines, "a line of the text cannot pass for a line of the log"
    assert client_of(stranger).get(address).status_code == 404
    assert Client().get(address).status_code == 401

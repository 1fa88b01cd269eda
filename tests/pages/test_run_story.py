"""A run's page tells of every attempt, shows its log from a level on, and gives its values as JSON without a secret."""

from collections.abc import Callable
from datetime import timedelta

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tasks import lifecycle
from tasks.models import TaskEvent, TaskRun
from tasks.states import Status
from tests.pages.reading import complaints, page
from tests.tasks.runs import make_run, make_run_in

type ClientOf = Callable[[User], Client]


def tried_twice(owner: User) -> TaskRun:
    """A run whose first attempt failed, and whose second one completed on another worker."""
    run = make_run(owner, max_attempts=2)
    first = lifecycle.claim(run.pk, 1, worker="web-1:1:1")
    assert first is not None
    lifecycle.try_again(first, "no answer", exception_class="E", traceback="…", delay=timedelta())
    second = lifecycle.claim(run.pk, 2, worker="web-2:1:1")
    assert second is not None
    return lifecycle.complete(second, 3)


def test_every_attempt_says_when_it_was_where_and_why_it_ended(owner: User, staff: User, client_of: ClientOf) -> None:
    path = tried_twice(owner).get_absolute_url()
    document = page(client_of(staff), path)
    assert complaints(document) == []
    second, first = document.one(id="run-attempts").all("li")
    assert "Attempt 2 Completed" in second.text and "web-2:1:1" in second.text
    assert "Attempt 1 Failed, tried again" in first.text and "web-1:1:1" in first.text and "no answer" in first.text
    assert "took 0 s" in first.text
    assert "web-1" not in page(client_of(owner), path).one(id="run-attempts").text


def test_an_attempt_that_goes_on_has_no_end(owner: User, client_of: ClientOf) -> None:
    attempts = page(client_of(owner), make_run_in(Status.RUNNING, owner).get_absolute_url()).one(id="run-attempts")
    assert "Attempt 1 Running" in attempts.text and "ended" not in attempts.text


def test_what_never_began_has_no_attempt(owner: User, client_of: ClientOf) -> None:
    attempts = page(client_of(owner), make_run_in(Status.CANCELLED, owner).get_absolute_url()).one(id="run-attempts")
    assert "not been started" in attempts.text


def test_the_log_is_shown_from_a_level_on_and_attempts_stay(owner: User, client_of: ClientOf) -> None:
    run = tried_twice(owner)
    TaskEvent.objects.bulk_create(
        TaskEvent(run=run, seq=50 + number, kind="log", data={"level": level, "message": f"a line of {level}"})
        for number, level in enumerate(("debug", "info", "warning", "error"))
    )
    TaskEvent.objects.bulk_create(
        TaskEvent(run=run, seq=100 + number, kind="log", data={"level": "info", "message": f"item {number}"})
        for number in range(400)
    )
    client = client_of(owner)
    found = {}
    for level in ("", "info", "warning", "error", "nonsense"):
        document = page(client, f"{run.get_absolute_url()}?level={level}")
        assert complaints(document) == []
        assert len(document.one(id="run-attempts").all("li")) == 2
        lines = document.one("ol", class_="timeline").all("li")
        found[level] = [line.text for line in lines]
    assert len(found[""]) == len(found["info"]) == len(found["nonsense"]) == 200
    assert [text.partition(" a line of ")[2] or text for text in found["error"]] != []
    assert [("error" in text, "warning" in text) for text in found["warning"]] == [(True, False), (False, True)]
    assert len(found["error"]) == 1 and "a line of error" in found["error"][0]


def test_values_can_be_copied_as_json_and_secrets_stay_hidden(owner: User, client_of: ClientOf) -> None:
    run = make_run_in(Status.COMPLETED, owner, args=[], kwargs={"city": "Bremen", "api_key": "sk-very-secret"})
    TaskRun.objects.filter(pk=run.pk).update(result={"saved": 3, "password": "hunter2", "html": "<b>bold</b>"})
    document = page(client_of(owner), run.get_absolute_url())
    text = document.one(id="result-json").text
    assert '"saved": 3' in text and "<b>bold</b>" in text
    assert '"city": "Bremen"' in document.one(id="arguments-json").text
    assert "hunter2" not in document.text and "sk-very-secret" not in document.text


def test_a_result_that_is_too_large_is_cut_and_says_so(owner: User, client_of: ClientOf) -> None:
    run = make_run_in(Status.COMPLETED, owner)
    TaskRun.objects.filter(pk=run.pk).update(result={"rows": ["x" * 400] * 400})
    text = page(client_of(owner), run.get_absolute_url()).one(id="result-json").text
    assert len(text) < 21_000 and "cut: all of it is" in text


def test_related_runs_say_what_they_are_to_this_one(owner: User, client_of: ClientOf) -> None:
    run = make_run_in(Status.FAILED, owner)
    make_run_in(Status.COMPLETED, owner, metadata={"schedule_id": 7})
    client = client_of(owner)
    client.post(reverse("tasks:retry", args=[run.pk]))
    again = TaskRun.objects.get(retry_of=run)
    shown = page(client, run.get_absolute_url()).one(id="run-related").all("li")
    assert [line.text.partition(" now ")[0] for line in shown] == ["Add Repeats this one", "Add Same task"]
    shown = page(client, again.get_absolute_url()).one(id="run-related").all("li")
    assert [line.text.partition(" now ")[0] for line in shown] == ["Add Repeated by this one", "Add Same task"]

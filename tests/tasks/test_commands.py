"""`manage.py tasks`: what a person at a terminal sees, and what a script learns from the exit code."""

import io
import json
import signal
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings
from django.utils import timezone

from tasks import lifecycle, queues
from tasks.models import QueueState, Schedule, TaskRun
from tasks.states import Status
from tests.tasks import functions
from tests.tasks.runs import make_run, make_run_in
from tests.workers import WorkerThread

pytestmark = pytest.mark.usefixtures("db")


def tasks(*words: str) -> str:
    """What `manage.py tasks …` prints."""
    out = io.StringIO()
    call_command("tasks", *words, stdout=out, stderr=out)
    return out.getvalue()


def refused(*words: str) -> CommandError:
    """The error that `manage.py tasks …` ends with."""
    with pytest.raises(CommandError) as error:
        tasks(*words)
    return error.value


@pytest.fixture(autouse=True)
def _a_wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def test_list_shows_the_newest_runs_and_takes_filters(owner: User, stranger: User) -> None:
    make_run(owner, name="Import [bold]", topic="energy")
    make_run_in(Status.FAILED, stranger, name="Export", queue="slow")
    text = tasks("list")
    assert text.index("Export") < text.index("Import [bold]")
    for words in (["--status", "failed"], ["--owner", "stranger"], ["--queue", "slow"], ["--name", "exp"]):
        assert "Export" in tasks("list", *words)
        assert "Import" not in tasks("list", *words)
    assert "Export" not in tasks("list", "--topic", "energy")
    assert "No run matches" in tasks("list", "--status", "completed")
    assert len(tasks("list", "--json").splitlines()) == 2
    assert json.loads(tasks("list", "--json", "--limit", "1"))["name"] == "Export"
    assert "--limit" in str(refused("list", "--limit", "0"))


def test_list_takes_the_filters_of_the_page(owner: User) -> None:
    make_run(owner, name="Nightly import", topic="energy", kwargs={"city": "Bremen"})
    old = make_run(owner, name="Export")
    TaskRun.objects.filter(pk=old.pk).update(created_at="2020-01-01T00:00Z")
    for words in (["-q", "bremen night"], ["--name", "imp"], ["--last", "1h"], ["--created-after", "2020-01-02"]):
        assert "Nightly" in tasks("list", *words)
        assert "Export" not in tasks("list", *words)
    assert "Export" in tasks("list", "--created-before", "2020-01-02", "--owner", "owner")
    assert "--created-after: is no date" in str(refused("list", "--created-after", "soon"))
    assert "--name: needs a letter" in str(refused("list", "--name", "!"))


def test_tables_fit_a_terminal_of_80_columns(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    run = make_run_in(Status.RUNNING, owner, name="Import of everything " * 10)
    TaskRun.objects.filter(pk=run.pk).update(total_items=100, processed_items=99, progress=99)
    User.objects.filter(pk=owner.pk).update(username="somebody-with-a-very-long-name")
    Schedule.objects.create(name="Collect " * 20, task="a.b", cron="*/15 6-22 * * 1-5", next_run_at=timezone.now())
    for words in (["list"], ["schedules"], ["stats"]):
        lines = tasks(*words).splitlines()
        assert max(len(line.rstrip()) for line in lines) <= 80, lines
    assert len(tasks("list").splitlines()) == 2
    short = tasks("list").splitlines()[1].split()[0]
    assert json.loads(tasks("show", "--json", short))["id"] == str(run.pk)


def test_everything_that_matches_is_counted_and_asked_about_first(
    owner: User, stranger: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [make_run(owner, name="Import", topic="energy"), make_run(stranger, name="Import", topic="energy")]
    other = make_run(owner, topic="rail")
    questions: list[str] = []

    def answer(text: str) -> Callable[[str], str]:
        return lambda question: questions.append(question) or text  # type: ignore[func-returns-value]

    for text in ("", "n", "no", "all"):
        monkeypatch.setattr("builtins.input", answer(text))
        assert "Nothing was done" in str(refused("cancel", "--topic", "energy"))
    assert questions[0] == "Cancel 2 runs? [y/N] "
    monkeypatch.setattr("builtins.input", answer("y"))
    assert "2 × Import" in tasks("cancel", "--topic", "energy")
    statuses = [TaskRun.objects.get(pk=run.pk).status for run in (*wanted, other)]
    assert statuses == [Status.CANCELLED, Status.CANCELLED, Status.PENDING]
    assert "2 of 2 runs retried" in tasks("retry", "--topic", "energy", "--yes")
    assert TaskRun.objects.exclude(retry_of=None).count() == 2
    assert "No run that can be retried matches" in str(refused("retry", "--topic", "energy", "--yes"))


def test_nothing_is_taken_by_a_command_that_names_nothing_or_too_much(owner: User) -> None:
    run = make_run(owner)
    assert "--all" in str(refused("cancel", "--yes"))
    assert "not both" in str(refused("cancel", str(run.pk), "--topic", "x"))
    assert "not both" in str(refused("retry", str(run.pk), "--all"))
    assert "--created-before" in str(refused("cancel", "--created-before", "tomorrow", "--yes"))
    assert "--topic" in str(refused("cancel", "--topic", " ", "--yes"))
    run.refresh_from_db()
    assert run.status == Status.PENDING
    assert "1 of 1 run cancelled" in tasks("cancel", "--all", "--yes")


def test_schedules_are_listed_switched_and_started(owner: User) -> None:
    assert "no schedule" in tasks("schedules")
    schedule = Schedule.objects.create(
        name="Nightly", task="tests.tasks.functions.tick", kwargs={"hundredths": 1}, owner=owner, cron="0 6 * * *"
    )
    assert "0 6 * * *" in tasks("schedules")
    assert "is off" in tasks("schedules", "disable", "Nightly")
    assert "is on; next in" in tasks("schedules", "enable", "Nightly")
    schedule.refresh_from_db()
    assert schedule.enabled
    assert "There is: Nightly" in str(refused("schedules", "run", "Daily"))
    with override_settings(TASKS_SCHEDULABLE={"tests.tasks.functions.tick": ""}):
        assert "runs as" in tasks("schedules", "run", "Nightly")
        assert "being done already" in str(refused("schedules", "run", "Nightly"))


def test_show_tells_everything_about_one_run(owner: User) -> None:
    run = make_run_in(Status.FAILED, owner, name="Import", topic="energy")
    text = tasks("show", str(run.pk))
    for words in (str(run.pk), "Import", "Failed", "owner", "energy", "no luck"):
        assert words in text
    assert json.loads(tasks("show", "--json", run.pk.hex[:8]))["id"] == str(run.pk)
    waiting = make_run(owner)
    queues.pause("default")
    assert "Queue paused" in tasks("show", str(waiting.pk))


@pytest.mark.parametrize("verb", ["show", "watch", "cancel", "retry"])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("12345678-1234-1234-1234-123456789012", "no run"),
        ("nonsense", "no id"),
        ("", "no id"),
        ("a" * 40, "no id"),
        ("abc", "too short"),
    ],
)
def test_an_id_that_leads_nowhere_says_why(verb: str, text: str, told: str) -> None:
    out = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command("tasks", verb, text, stdout=out, stderr=out)
    assert told in out.getvalue() + str(error.value)
    assert error.value.returncode == 1


def test_a_beginning_that_fits_several_runs_is_not_guessed(owner: User) -> None:
    run = make_run(owner)
    near = run.pk.hex[:-1] + ("0" if run.pk.hex[-1] != "0" else "1")
    TaskRun.objects.bulk_create([TaskRun(id=near, task=run.task, name="near")])
    assert "Several runs" in str(refused("show", str(run.pk)[:-1]))
    assert "near" in tasks("show", near)


def test_cancel_and_retry_do_what_can_be_done_and_name_the_rest(owner: User) -> None:
    waiting, done, failed = make_run(owner), make_run_in(Status.COMPLETED, owner), make_run_in(Status.FAILED, owner)
    assert "1 of 2 left as they are" in str(refused("cancel", str(waiting.pk), str(done.pk)))
    waiting.refresh_from_db()
    assert waiting.status == Status.CANCELLED
    assert waiting.events.filter(data__reason="In the terminal.").exists()
    running = make_run_in(Status.RUNNING, owner)
    assert "is being cancelled" in tasks("cancel", str(running.pk))
    text = tasks("retry", str(failed.pk))
    assert f"runs again as {failed.retries.get().pk}" in text
    assert "left as they are" in str(refused("retry", str(done.pk)))


def test_cleanup_deletes_what_ended_long_ago(owner: User) -> None:
    old, new = make_run_in(Status.COMPLETED, owner), make_run_in(Status.COMPLETED, owner)
    TaskRun.objects.filter(pk=old.pk).update(completed_at=timezone.now() - timedelta(days=30))
    assert "1 run deleted" in tasks("cleanup")
    assert list(TaskRun.objects.all()) == [new]
    assert "1 run deleted" in tasks("cleanup", "--max-age-hours", "0")
    for hours in ("-1", "1e300", "nan"):
        assert "zero or more" in str(refused("cleanup", f"--max-age-hours={hours}"))


def test_stats_tell_counts_queues_and_workers(owner: User) -> None:
    make_run(owner)
    queues.pause("default")
    text = tasks("stats")
    for words in ("Waiting", "Queue default", "1 waiting, 0 running, paused", "Worker", "none"):
        assert words in text, text


def test_queues_are_paused_and_resumed() -> None:
    assert "default is paused" in tasks("pause", "default")
    assert QueueState.objects.get().paused_at is not None
    assert "default goes on" in tasks("resume", "default")
    assert "There is: default" in str(refused("pause", "nonsense"))


@pytest.mark.parametrize(("status", "code"), [(Status.FAILED, 3), (Status.CANCELLED, 4)])
def test_watch_ends_with_how_the_run_ended(owner: User, status: Status, code: int) -> None:
    error = refused("watch", str(make_run_in(status, owner).pk))
    assert error.returncode == code
    assert status.label.lower() in str(error)


def test_watch_follows_a_run_to_its_end(worker: WorkerThread, owner: User) -> None:
    run_id = functions.count_to.using(owner=owner, title="Counting").enqueue(50).id
    text = tasks("watch", run_id)
    assert "50 of 50  100%" in text
    assert "Counting: completed." in text


def test_ctrl_c_stops_the_watching_and_not_the_run(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(owner)
    monkeypatch.setattr("tasks.terminal.sleep", lambda _: signal.raise_signal(signal.SIGINT))
    # Who starts the tests in the background of a shell has them ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        error = refused("watch", str(run.pk))
    finally:
        signal.signal(signal.SIGINT, before)
    assert error.returncode == 130
    assert "the run goes on" in str(error)
    run.refresh_from_db()
    assert (run.status, run.cancel_requested_at) == (Status.PENDING, None)


def test_a_run_that_is_deleted_while_it_is_watched_is_said(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(owner)

    def cleaned_up(_seconds: float) -> None:
        lifecycle.cancel(run)
        TaskRun.objects.all().delete()

    monkeypatch.setattr("tasks.terminal.sleep", cleaned_up)
    assert "deleted meanwhile" in str(refused("watch", str(run.pk)))

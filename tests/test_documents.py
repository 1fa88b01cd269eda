"""Documents that must agree with the code, and the code they show, run as it stands there."""

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from notifications import types
from notifications.facade import get_user_notifications
from tasks import decorators, ledger, lifecycle
from tasks.backend import Task
from tasks.models import TaskRun
from tasks.states import ALLOWED, AS_TASK_RESULT, FINAL, Status
from tests.documented import blocks, rows
from tests.servers import ROOT
from tests.waiting import eventually
from tests.workers import WorkerThread

# Every document with Python in it, and how many blocks; each is run below, but for those of other tests.
SHOWN = {
    "README.md": 1,
    "docs/frames.md": 2,
    "docs/notifications.md": 2,
    "docs/retries.md": 4,
    "docs/schedules.md": 2,
    "docs/tasks.md": 2,
}

type Make = Callable[[str, str], ModuleType]


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """`shown(path, given)`: the Python of a document as a module, behind `given`: what its reader has already."""
    monkeypatch.syspath_prepend(tmp_path)
    made: list[str] = []

    def make(path: str, given: str) -> ModuleType:
        # A real file, so that workers and child processes find it by name.
        name = f"shown_{re.sub(r'[^a-z]', '_', path.lower())}_{tmp_path.name}"
        made.append(name)
        (tmp_path / f"{name}.py").write_text("\n\n".join([given, *blocks(path, "python")]))
        return importlib.import_module(name)

    yield make
    for name in made:
        sys.modules.pop(name, None)


def ended(run_id: object) -> TaskRun:
    """The run, once it has ended."""
    return eventually(lambda: TaskRun.objects.filter(pk=run_id, status__in=FINAL).first(), within=60)


def documents() -> list[str]:
    """Every document of the project."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


def test_every_python_block_of_the_documents_is_run_by_a_test() -> None:
    assert {path: len(blocks(path, "python")) for path in documents() if blocks(path, "python")} == SHOWN


def test_every_link_between_documents_leads_somewhere() -> None:
    for path in documents():
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", (ROOT / path).read_text()):
            there = (ROOT / path).parent / target if target else ROOT / path
            assert there.exists(), f"{path}: {target}"
            if anchor:
                headings = re.findall(r"^#+ (.*)$", there.read_text(), re.MULTILINE)
                assert anchor in {re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in headings}, anchor


def test_the_lifecycle_names_every_arrow_and_no_other() -> None:
    arrows = [row[0] for row in rows("docs/lifecycle.md", "arrow")]
    drawn = {tuple(part.strip() for part in arrow.split("→")) for arrow in arrows}
    assert drawn == {("", "PENDING"), *((old.name, new.name) for old, targets in ALLOWED.items() for new in targets)}
    text = (ROOT / "docs/lifecycle.md").read_text()
    for status, name in AS_TASK_RESULT.items():
        assert status.name in text
        assert status == Status.RUNNING or f"*{name.name}*" in text
    for topic in (
        "Fencing",
        "Cancel of a running run",
        "Attempts",
        "Rescue",
        "Timeout",
        "Outages",
        "Tickets",
        "Cleanup",
    ):
        assert f"**{topic}.**" in text or f"**{topic}**" in text, topic


def test_every_option_of_a_task_is_documented() -> None:
    table = {row[0]: row for row in rows("docs/tasks.md", "option")}
    options = set(decorators.TaskOptions.__annotations__) | {"takes_context"}
    changed = set(Task.using.__annotations__) - {"return"}
    assert table.keys() >= options | changed
    for name, row in table.items():
        if name in options | changed:
            assert (
                row[3]
                == {(True, True): "yes", (True, False): "", (False, True): "only"}[(name in options, name in changed)]
            ), name


UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}


@pytest.mark.parametrize("row", rows("docs/operations.md", "figure"), ids=lambda row: row[0])
def test_a_figure_of_the_operations_page_is_that_of_the_code(row: list[str]) -> None:
    path, _, name = row[2].rpartition(".")
    value: Any = getattr(settings if path == "django.conf.settings" else importlib.import_module(path), name)
    found = re.search(r"(?P<number>[\d,.]+) ?(?P<unit>s|min|h)?\b", row[1])
    assert found, row
    said = float(found["number"].replace(",", ""))
    unit = UNITS.get(found["unit"] or "", 1.0)
    if name.endswith("_HOURS"):
        value, unit = float(value), 1.0
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    assert said * unit == pytest.approx(seconds), row


def test_every_test_that_the_operations_page_names_is_there() -> None:
    named = re.findall(r"`(tests/[a-z_/]+\.py)`", (ROOT / "docs/operations.md").read_text())
    assert len(named) >= 5
    for path in named:
        assert (ROOT / path).is_file(), path


def test_the_schedules_page_shows_settings_of_the_right_shape() -> None:
    namespace: dict[str, Any] = {}
    for block in blocks("docs/schedules.md", "python"):
        exec(block, namespace)
    assert settings.TASKS_SCHEDULABLE.items() <= namespace["TASKS_SCHEDULABLE"].items()
    assert namespace["TASKS_CLOCKS"].items() <= settings.TASKS_CLOCKS.items()


def test_the_ten_lines_of_the_readme_run(worker: WorkerThread, owner: User, shown: Make) -> None:
    given = """
from types import SimpleNamespace
from django.contrib.auth.models import User
request = SimpleNamespace(user=User.objects.get(username="owner"))
SAVED = []
async def load(source_id): return [source_id, source_id + 1]
async def save(row): SAVED.append(row)
"""
    module = shown("README.md", given)
    run = ended(TaskRun.objects.get().pk)
    assert (run.status, run.result, run.owner, run.name) == ("completed", {"saved": 2}, owner, "Nightly import")
    assert module.SAVED == [7, 8]


def test_the_task_that_the_tasks_page_writes_runs_and_runs_again_for_what_failed(
    worker: WorkerThread, owner: User, shown: Make
) -> None:
    given = """
from collections import namedtuple
Row = namedtuple("Row", "key")
def load(source_id): return [Row("a"), Row("b"), Row("c")] if source_id else None
def save(row):
    if row.key == "b": raise ValueError("not a number")
"""
    module = shown("docs/tasks.md", given)
    run = ended(module.import_rows.using(owner=owner).enqueue(7).id)
    assert run.status == "completed", run.error
    assert ledger.counts_of(run.pk) == {"done": 2, "failed": 1}
    assert run.events.filter(kind="log", data__message="b left out").exists()
    again = ended(lifecycle.retry_failed_items(run, by=owner).pk)
    assert (again.total_items, ledger.counts_of(again.pk)) == (1, {"done": 0, "failed": 1})
    gone = ended(module.import_rows.using(owner=owner).enqueue(0).id)
    assert (gone.status, gone.error, gone.attempt) == ("failed", "The source is gone.", 1)
    many = [ended(run_id) for run_id in module.import_all(owner, [7, 0])]
    assert [(run.status, run.topic, run.owner) for run in many] == [
        ("completed", "imports", owner),
        ("failed", "imports", owner),
    ]


GIVEN_FOR_RETRIES = """
from django.contrib.auth.models import User
CHARGES, MAILS, TROUBLE = {}, [], []
def trouble(where):
    if where in TROUBLE:
        TROUBLE.remove(where)
        raise ConnectionError(where)
def charge(invoice_id, *, idempotency_key):
    answer = CHARGES.setdefault(idempotency_key, len(CHARGES) + 1)
    trouble("after the charge")
    return answer
def lines_of(statement): return [f"{statement}-{number}" for number in range(10)]
def book(line):
    User.objects.create(username=line)
    trouble(line)
async def subscribers(issue): return ["ann", "bob", "cy"]
async def send(issue, name):
    trouble(name)
    MAILS.append(name)
"""


@pytest.fixture
def retries(shown: Make) -> ModuleType:
    """What docs/retries.md shows."""
    return shown("docs/retries.md", GIVEN_FOR_RETRIES)


def test_a_charge_that_is_asked_twice_is_made_once(worker: WorkerThread, retries: ModuleType) -> None:
    retries.TROUBLE.append("after the charge")
    run = ended(retries.send_invoice.enqueue(7).id)
    assert (run.status, run.result, run.attempt) == ("completed", 1, 2)
    assert retries.CHARGES == {"invoice-7": 1}


def test_a_statement_is_booked_line_by_line_exactly_once(worker: WorkerThread, retries: ModuleType) -> None:
    retries.TROUBLE += ["s-3", "s-7"]
    run = ended(retries.book_statement.enqueue("s").id)
    assert (run.status, run.attempt) == ("completed", 3)
    assert sorted(User.objects.values_list("username", flat=True)) == [f"s-{number}" for number in range(10)]


def test_a_newsletter_goes_again_to_those_it_did_not_reach(
    worker: WorkerThread, owner: User, retries: ModuleType
) -> None:
    retries.TROUBLE.append("bob")
    run = ended(retries.send_newsletter.using(owner=owner).enqueue("May").id)
    assert ledger.counts_of(run.pk) == {"done": 2, "failed": 1}
    ended(lifecycle.retry_failed_items(run, by=owner).pk)
    assert sorted(retries.MAILS) == ["ann", "bob", "cy"]


def test_an_invoice_that_is_under_way_is_not_started_again(
    engine_tables: None, owner: User, retries: ModuleType
) -> None:
    first = retries.invoice_once(owner, 7)
    assert retries.invoice_once(owner, 7) == first
    assert retries.invoice_once(owner, 8) != first
    assert TaskRun.objects.count() == 2


@pytest.mark.django_db
def test_the_notifications_of_the_documents_are_told_as_they_say(shown: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(types, "_types", dict(types._types))
    john = User.objects.create_user("john")
    shown("docs/notifications.md", "")
    [told] = get_user_notifications(john).notifications
    assert (told.type, told.severity, told.link) == ("backup_failed", "error", "/tasks/")
    assert types.type_named("backup_failed").is_required

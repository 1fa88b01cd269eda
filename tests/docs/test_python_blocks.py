"""The Python of the documents, run as it stands there. Here are those that say something of their own."""

from dataclasses import replace
from datetime import timedelta
from types import ModuleType

import pytest
from django.contrib.auth.models import User

from notifications import types
from notifications.facade import get_user_notifications
from tasks import ledger, lifecycle
from tasks.models import TaskRun
from tests.docs.conftest import Make
from tests.docs.runs import ended
from tests.workers import WorkerThread


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
    retries.book_statement = replace(retries.book_statement, backoff=timedelta(milliseconds=10))  # else 5 and 10 s
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

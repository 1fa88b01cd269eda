"""The item ledger: kept, paged, exported, and what failed run again."""

import csv
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from tasks import ledger, lifecycle
from tasks.exceptions import CannotRetry
from tasks.models import TaskRun
from tasks.states import FINAL, Status
from tests.pages.reading import read
from tests.tasks import working_functions as functions
from tests.tasks.runs import make_run_in
from tests.waiting import eventually
from tests.workers import WorkerThread

ROOT = "/api/background-tasks"
type SignIn = Callable[[User], Client]


def ended(run_id: object) -> TaskRun:
    """The run, once it has ended."""
    return eventually(lambda: TaskRun.objects.filter(pk=run_id, status__in=FINAL).first())


@pytest.fixture
def run(worker: WorkerThread, owner: User) -> TaskRun:
    """Ten items done, two of them failed."""
    return ended(functions.ledger_work.using(owner=owner).enqueue(10, [3, 7]).id)


def test_items_are_paged_and_filtered(run: TaskRun, owner: User, client_of: SignIn) -> None:
    client, seen, cursor = client_of(owner), [], ""
    while cursor is not None:
        page = client.get(f"{ROOT}/task/{run.pk}/items", {"limit": 4, "cursor": cursor}).json()
        seen += [item["key"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [str(number) for number in range(10)]
    assert page["counts"] == {"waiting": 0, "done": 8, "failed": 2}
    failed = client.get(f"{ROOT}/task/{run.pk}/items?outcome=failed").json()["items"]
    assert [(item["key"], item["error"]) for item in failed] == [
        ("3", "ValueError: =3 at https://***@host/"),
        ("7", "ValueError: =7 at https://***@host/"),
    ]
    assert client.get(f"{ROOT}/task/{run.pk}/items?outcome=odd").status_code == 422
    assert client.get(f"{ROOT}/task/{run.pk}/items?cursor=x").status_code == 422


def test_only_what_failed_runs_again_and_the_set_is_frozen(run: TaskRun, owner: User, client_of: SignIn) -> None:
    answer = client_of(owner).post(f"{ROOT}/task/{run.pk}/retry-failed")
    assert answer.status_code == 202
    again = ended(answer.json()["task_id"])
    assert (again.retry_of_id, again.result) == (run.pk, {"done": ["3", "7"]})
    assert ledger.counts_of(again.pk) == {"done": 2, "failed": 0}
    assert ledger.counts_of(run.pk) == {"done": 8, "failed": 2}, "the old run's record stays"
    nothing_left = client_of(owner).post(f"{ROOT}/task/{again.pk}/retry-failed")
    assert nothing_left.status_code == 409


def test_the_page_shows_the_ledger_and_its_button_works(
    run: TaskRun, owner: User, stranger: User, client_of: SignIn
) -> None:
    page = client_of(owner).get(f"{run.get_absolute_url()}?items=failed").content.decode()
    assert "Retry what failed" in page
    tabs = read(page).one("nav", aria_label="Items by outcome")
    assert [tab.text for tab in tabs.all("a")] == ["All 10", "Failed 2", "Done 8"]
    assert tabs.one("a", aria_current="page").text == "Failed 2"
    assert f"{ROOT}/task/{run.pk}/items.csv" in page
    assert f"{ROOT}/task/{run.pk}/logs" in page
    address = f"{run.get_absolute_url()}retry-failed/"
    assert client_of(stranger).post(address).status_code == 404
    answer = client_of(owner).post(address)
    assert answer.headers["Location"] != run.get_absolute_url()
    assert ended(answer.headers["Location"].rstrip("/").rsplit("/", 1)[-1]).result == {"done": ["3", "7"]}


def test_the_export_hides_formulas_from_spreadsheets(engine_tables: None, owner: User, client_of: SignIn) -> None:
    run = make_run_in(Status.COMPLETED, owner)
    run.items.create(key="=HYPERLINK(1)", outcome="failed", error="-1+1")
    run.items.create(key="plain", outcome="done")
    answer = client_of(owner).get(f"{ROOT}/task/{run.pk}/items.csv")
    rows = list(csv.reader(answer.getvalue().decode().splitlines()))
    assert [row[:3] for row in rows] == [
        ["key", "outcome", "error"],
        ["'=HYPERLINK(1)", "failed", "'-1+1"],
        ["plain", "done", ""],
    ]


def test_items_stand_in_the_order_they_were_told_of(db: None, owner: User) -> None:
    run = make_run_in(Status.RUNNING, owner)
    keys = ["10", "9", "b", "a"]
    ledger.store_items(run.pk, {key: ("done", "", "", None, timezone.now()) for key in keys})
    assert [item.key for item in ledger.page_of(run.pk, limit=10)] == keys


def test_a_stranger_sees_nothing_of_it(engine_tables: None, owner: User, stranger: User, client_of: SignIn) -> None:
    run = make_run_in(Status.COMPLETED, owner)
    client = client_of(stranger)
    assert {client.get(f"{ROOT}/task/{run.pk}/{what}").status_code for what in ("items", "items.csv", "logs")} == {404}
    assert client.post(f"{ROOT}/task/{run.pk}/retry-failed").status_code == 404


def test_what_still_runs_cannot_be_retried(engine_tables: None, owner: User) -> None:
    run = make_run_in(Status.RUNNING, owner)
    run.items.create(key="a", outcome="failed")
    with pytest.raises(CannotRetry, match="not ended"):
        lifecycle.retry_failed_items(run, by=owner)


def test_a_limited_run_that_is_retried_stays_limited_to_what_is_left(engine_tables: None, owner: User) -> None:
    run = make_run_in(Status.COMPLETED, owner)
    for key in ("a", "b"):
        run.items.create(key=key, outcome="failed")
    limited = lifecycle.retry_failed_items(run, by=owner)
    limited.items.filter(key="a").update(outcome="done")
    lifecycle.cancel(limited)
    limited.refresh_from_db()
    assert ledger.only_of(lifecycle.retry(limited, by=owner)) == ["b"]

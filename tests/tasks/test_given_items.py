"""A run that is given its list: what is left of it, shown, exported while it is read, and given on to a retry."""

import csv
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
from django.utils import timezone

from tasks import exports, ledger, lifecycle
from tasks.manager import create_task_of_items
from tasks.models import TaskItem, TaskRun
from tasks.states import FINAL, Status
from tests.pages.reading import queries_to_render, read
from tests.tasks import working_functions as functions
from tests.tasks.runs import make_run_in
from tests.waiting import eventually
from tests.workers import WorkerThread

ROOT = "/api/background-tasks"
PARCELS = [(f"p{number}", {"weight": number}) for number in range(5)]
type SignIn = Callable[[User], Client]


def ended(run_id: object) -> TaskRun:
    """The run, once it has ended."""
    return eventually(lambda: TaskRun.objects.filter(pk=run_id, status__in=FINAL).first())


def given(owner: User, **kwargs: object) -> TaskRun:
    """A waiting run of five parcels."""
    run_id = create_task_of_items(functions.weigh.using(owner=owner), PARCELS, **kwargs)  # type: ignore[arg-type]
    return TaskRun.objects.get(pk=run_id)


def test_the_function_is_told_what_is_left_in_order(worker: WorkerThread, owner: User) -> None:
    run = ended(given(owner).pk)
    assert run.result == {"done": [key for key, _ in PARCELS]}
    assert ledger.numbers_of(run.pk) == {("done", ""): 3, ("done", "heavy"): 2}


def test_the_next_attempt_is_told_the_rest_alone(engine_tables: None, owner: User) -> None:
    run = given(owner)
    ledger.store_items(run.pk, {"p1": ("done", "", "", None, timezone.now())})
    worker = WorkerThread().start()
    try:
        assert ended(run.pk).result == {"done": ["p0", "p2", "p3", "p4"]}
    finally:
        worker.stop()


def test_a_run_and_its_list_exist_together_or_not_at_all(engine_tables: None, owner: User) -> None:
    with pytest.raises(ValueError, match="1 to 500 characters"):
        create_task_of_items(functions.weigh.using(owner=owner), [("a", None), ("", None)])  # type: ignore[arg-type]
    assert not TaskRun.objects.exists()
    assert not TaskItem.objects.exists()


def test_what_failed_becomes_the_list_of_its_retry(worker: WorkerThread, owner: User) -> None:
    first = ended(given(owner, broken=["p1", "p3"]).pk)
    assert ledger.counts_of(first.pk) == {"done": 3, "failed": 2}
    again = ended(lifecycle.retry_failed_items(first, by=owner).pk)
    assert (again.result, again.metadata[ledger.LISTED]) == ({"done": ["p1", "p3"]}, 2)
    assert ledger.counts_of(first.pk) == {"done": 3, "failed": 2}, "the old run's record stays"


def test_a_retry_of_a_cancelled_run_has_what_is_done_already_done(engine_tables: None, owner: User) -> None:
    run = given(owner)
    moment = timezone.now() - timedelta(hours=1)
    ledger.store_items(
        run.pk, {"p0": ("done", "heavy", "", {"weight": 9}, moment), "p1": ("failed", "", "x", None, moment)}
    )
    again = lifecycle.retry(lifecycle.cancel(run), by=owner)
    rows = list(again.items.order_by("pk").values_list("key", "outcome", "label", "error", "data", "given"))
    assert rows[:2] == [
        ("p0", "done", "heavy", "", {"weight": 9}, {"weight": 0}),
        ("p1", "waiting", "", "", None, {"weight": 1}),
    ]
    assert [row[0] for row in rows] == [key for key, _ in PARCELS]


def test_the_page_shows_what_ended_last_first_and_what_waits_last(
    engine_tables: None, owner: User, client_of: SignIn
) -> None:
    run = given(owner)
    for key in ("p3", "p1"):
        ledger.store_items(run.pk, {key: ("done", "heavy", "", None, timezone.now())})
    document = read(client_of(owner).get(run.get_absolute_url()).content)
    section = document.one("section", id="items")
    assert [row.all("span")[1].text for row in section.all("li")] == ["p1", "p3", "p0", "p2", "p4"]
    tabs = section.one("nav", aria_label="Parcels by outcome").all("a")
    assert [tab.text for tab in tabs] == ["All 5", "Heavy 2", "Failed 0", "Waiting 3"]
    part = client_of(owner).get(f"{run.get_absolute_url()}items/", {"items": "heavy"}).content
    assert [row.all("span")[1].text for row in read(part).all("li")] == ["p1", "p3"]


def test_pages_of_items_follow_each_other_without_gap_or_repetition(
    engine_tables: None, owner: User, client_of: SignIn
) -> None:
    run, moment = make_run_in(Status.RUNNING, owner), timezone.now()
    for batch in range(7):  # thirteen at the same moment: the place is a moment and an id
        keys = [f"{batch}-{number}" for number in range(13)]
        at = moment + timedelta(seconds=batch)
        ledger.store_items(run.pk, dict.fromkeys(keys, ("done", "", "", None, at)))
    client, seen, address = client_of(owner), [], run.get_absolute_url()
    while address:
        document = read(client.get(address).content)
        seen += [row.all("span")[1].text for row in document.one("section", id="items").all("li")]
        following = document.all("a", id="items-next")
        address = following[0].attrs["href"] if following else ""
        address = address and run.get_absolute_url() + address
    assert seen == [f"{batch}-{number}" for batch in reversed(range(7)) for number in range(13)]


@pytest.mark.parametrize("after", ["x", "1.2.3", "-1.5", "9" * 30 + ".1", "999999999999999999.1", "１.2"])
def test_a_damaged_place_is_the_first_page(engine_tables: None, owner: User, client_of: SignIn, after: str) -> None:
    run = given(owner)
    answer = client_of(owner).get(run.get_absolute_url(), {"after": after})
    assert answer.status_code == 200
    assert b"p0" in answer.content


def test_the_page_costs_the_same_for_ten_and_for_thousands(engine_tables: None, owner: User, client_of: SignIn) -> None:
    run, client = given(owner), client_of(owner)
    path = f"{run.get_absolute_url()}items/"
    before = queries_to_render(client, path)
    ledger.add_list(run.pk, ((f"more {number}", None) for number in range(3000)))
    assert queries_to_render(client, path) == before
    assert len(client.get(path).content) < 30_000


def test_files_have_the_columns_of_the_task_and_no_formula(engine_tables: None, owner: User, client_of: SignIn) -> None:
    run = given(owner)
    ledger.store_items(
        run.pk,
        {
            "p1": ("done", "", "", {"parcel": "=1+1", "weight": "@SUM(A1)"}, timezone.now()),
            "p2": ("done", "", "", {"weight": -3}, timezone.now()),
        },
    )
    client = client_of(owner)
    lines = list(csv.reader(client.get(f"{ROOT}/task/{run.pk}/items.csv").getvalue().decode().splitlines()))
    assert [line[:3] for line in lines[:4]] == [
        ["parcel", "outcome", "weight"], ["p0", "waiting", ""], ["'=1+1", "done", "'@SUM(A1)"], ["p2", "done", "-3"],
    ]  # fmt: skip
    rows = json.loads(client.get(f"{ROOT}/task/{run.pk}/items.json?outcome=done").getvalue())
    assert [(row["parcel"], row["weight"]) for row in rows] == [("=1+1", "@SUM(A1)"), ("p2", -3)]
    none = make_run_in(Status.COMPLETED, owner)
    assert json.loads(client.get(f"{ROOT}/task/{none.pk}/items.json").getvalue()) == []
    for query in ("outcome=odd", "outcome=done&label=heavy"):
        assert client.get(f"{ROOT}/task/{run.pk}/items.csv?{query}").status_code == 422


async def test_a_file_is_sent_while_it_is_read(
    engine_tables: None, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asgiref.sync import sync_to_async

    monkeypatch.setattr(ledger, "BATCH", 2)
    run = await sync_to_async(given)(owner)
    client = AsyncClient()
    await client.aforce_login(owner)
    answer = await client.get(f"{ROOT}/task/{run.pk}/items.csv")
    parts = [part async for part in answer]
    assert len(parts) == 4, "the names, and three pages"
    whole = b"".join(parts).decode()
    assert whole == "".join(await sync_to_async(lambda: list(exports.as_csv(run, functions.weigh.item_style)))())  # type: ignore[attr-defined]


def test_what_is_remembered_of_an_item_is_bounded(engine_tables: None, owner: User) -> None:
    run = given(owner)
    with pytest.raises(ValueError, match="20,000 characters"):
        ledger.add_list(run.pk, [("large", {"text": "x" * 20_001})])

"""Everything that matches: counted before, frozen at submit, done as a run, under the asker's permissions."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from tasks import bulk, lifecycle, queues
from tasks.bulk import Action
from tasks.exceptions import BadFilter, NumberChanged
from tasks.filters import KEYS, Filters
from tasks.models import TaskRun
from tasks.states import FINAL, Status
from tests.pages.reading import Element, complaints, page, read
from tests.tasks.runs import make_run, make_run_in
from tests.waiting import eventually
from tests.workers import WorkerThread

type ClientOf = Callable[[User], Client]

CANCEL, RETRY = reverse("tasks:bulk", args=["cancel"]), reverse("tasks:bulk", args=["retry"])
NOTHING = Filters()
UNFILTERED = dict.fromkeys(KEYS, "")


def submit(client: Client, document: Element) -> TaskRun:
    """Press the button of a confirmation page. Returns the run that it started."""
    form = document.one("main").one("form", method="post")
    entered = {field.attrs["name"]: field.attrs["value"] for field in form.all("input") if "value" in field.attrs}
    response = client.post(form.attrs["action"], entered)
    assert response.status_code == 302, read(response.content).one("main").text
    return TaskRun.objects.get(pk=response.headers["Location"].strip("/").split("/")[-1])


def ended(run: TaskRun) -> TaskRun:
    """The run, once it has ended."""
    return eventually(lambda: TaskRun.objects.filter(pk=run.pk, status__in=FINAL).first(), what="the bulk run ends")


def statuses(*runs: TaskRun) -> list[str]:
    """Where these runs stand."""
    return [TaskRun.objects.values_list("status", flat=True).get(pk=run.pk) for run in runs]


def test_what_matches_the_filter_of_the_list_is_cancelled_by_a_run_with_a_bar(
    engine_tables: None, owner: User, client_of: ClientOf
) -> None:
    queues.pause("default")  # the run that cancels a long line must not wait in it
    wanted = [make_run(owner, name="Import", topic="energy") for _ in range(3)]
    others = [make_run(owner, name="Import", topic="sports"), make_run(owner, name="Export", topic="energy")]
    client = client_of(owner)
    links = [link.attrs["href"] for link in page(client, "/tasks/?q=import&topic=energy").all("a")]
    (address,) = [link for link in links if link.startswith(CANCEL)]
    document = page(client, address)
    assert complaints(document) == []
    assert "3 × Import" in document.text
    run = submit(client, document)
    assert run.name == "Cancel 3 runs"
    worker = WorkerThread().start()
    try:
        done = ended(run)
    finally:
        worker.stop()
    assert done.result == {"done": 3, "left_alone": 0, "refused": 0}
    assert (done.owner, done.processed_items, done.total_items) == (owner, 3, 3)
    assert statuses(*wanted, *others) == [Status.CANCELLED] * 3 + [Status.PENDING] * 2


def test_what_appears_after_the_submit_is_not_taken(worker: WorkerThread, owner: User) -> None:
    failed = [make_run_in(Status.FAILED, owner) for _ in range(2)]
    queues.pause("default")
    run = bulk.start(owner, NOTHING, Action.RETRY, expected=2)
    later = make_run_in(Status.FAILED, owner)
    assert run.kwargs["run_ids"] == [str(one.pk) for one in failed]
    assert ended(run).result["done"] == 2
    assert [one.retries.count() for one in (*failed, later)] == [1, 1, 0]


def test_more_runs_than_the_asker_was_told_of_are_asked_about_again(owner: User, client_of: ClientOf) -> None:
    make_run(owner)
    client = client_of(owner)
    page(client, CANCEL)
    make_run(owner)
    response = client.post(CANCEL, {**UNFILTERED, "expected": "1"})
    assert response.status_code == 409
    again = read(response.content)
    assert complaints(again) == []
    assert "Nothing was done yet" in again.text
    assert submit(client, again).name == "Cancel 2 runs"


def test_a_form_that_lost_its_filter_and_number_stops_nothing(owner: User, client_of: ClientOf) -> None:
    make_run(owner, topic="energy")
    for body in ({}, {"expected": ""}, {"expected": "-1"}, {"expected": "9" * 40}, {"expected": "²"}):
        # The filter of the address does not count: what counts was sent with the number.
        assert client_of(owner).post(f"{CANCEL}?topic=energy", {**UNFILTERED, **body}).status_code == 409
        assert client_of(owner).post(f"{CANCEL}?topic=energy", {**body, "expected": "1"}).status_code == 422
    assert TaskRun.objects.count() == 1


def test_nothing_is_run_again_twice(worker: WorkerThread, owner: User) -> None:
    failed = make_run_in(Status.FAILED, owner)
    queues.pause("default")
    run = bulk.start(owner, NOTHING, Action.RETRY, expected=1)
    ended(run)
    with pytest.raises(NumberChanged):
        bulk.start(owner, NOTHING, Action.RETRY, expected=1)
    # Not even when the bulk run itself starts once more, after its worker was lost.
    again = lifecycle.create(
        lifecycle.NewRun(task=run.task, name="again", args=[], kwargs=run.kwargs, owner_id=owner.pk, queue=run.queue)
    )
    assert ended(again).result == {"done": 0, "left_alone": 1, "refused": 0}
    assert failed.retries.count() == 1


def test_a_run_that_moved_on_meanwhile_is_left_alone(worker: WorkerThread, owner: User) -> None:
    queues.pause("default")
    moved, gone, waiting = make_run(owner), make_run(owner), make_run(owner)
    ids = [str(run.pk) for run in (moved, gone, waiting)]
    claimed = lifecycle.claim(moved.pk, 1, worker="host:1:1")
    assert claimed is not None
    lifecycle.complete(claimed, 3)
    gone.delete()
    run = lifecycle.create(
        lifecycle.NewRun(
            task="tasks.bulk.apply",
            name="b",
            args=[],
            kwargs={"action": "cancel", "run_ids": ids},
            owner_id=owner.pk,
            queue=queues.MAINTENANCE_QUEUE,
        )
    )
    assert ended(run).result == {"done": 1, "left_alone": 2, "refused": 0}
    assert statuses(moved, waiting) == [Status.COMPLETED, Status.CANCELLED]


def test_only_ones_own_runs_match_and_staff_need_the_permission(
    owner: User, stranger: User, staff: User, teammate: User
) -> None:
    make_run(owner)
    User.objects.filter(pk=teammate.pk).update(is_staff=True)
    teammate.user_permissions.add(Permission.objects.get(codename="view_taskrun"))
    viewer = User.objects.get(pk=teammate.pk)
    found = {
        user.username: bulk.count(user, NOTHING, Action.CANCEL).number for user in (owner, stranger, staff, viewer)
    }
    assert found == {"owner": 1, "stranger": 0, "staff": 1, "teammate": 0}


def test_a_permission_that_is_taken_away_counts_at_once(worker: WorkerThread, owner: User, staff: User) -> None:
    queues.pause("default")
    theirs, own = make_run(owner), make_run(staff)
    ids = [str(theirs.pk), str(own.pk)]
    staff.user_permissions.clear()
    new = lifecycle.NewRun(
        task="tasks.bulk.apply",
        name="b",
        args=[],
        kwargs={"action": "cancel", "run_ids": ids},
        owner_id=staff.pk,
        queue=queues.MAINTENANCE_QUEUE,
    )
    run = ended(lifecycle.create(new))
    assert run.result == {"done": 1, "left_alone": 0, "refused": 1}
    assert run.message == "1 cancelled or asked to stop, 1 not yours to cancel."
    assert statuses(theirs, own) == [Status.PENDING, Status.CANCELLED]


def test_one_go_takes_so_many_and_says_so(owner: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MOST", 2)
    runs = [make_run(owner) for _ in range(3)]
    document = page(client_of(owner), CANCEL)
    assert "the oldest of more: one go takes 2" in document.text
    run = submit(client_of(owner), document)
    assert run.kwargs["run_ids"] == [str(one.pk) for one in runs[:2]]


def test_nothing_to_do_is_said_and_has_no_button(owner: User, client_of: ClientOf) -> None:
    document = page(client_of(owner), RETRY)
    assert complaints(document) == []
    assert "No run that you may retry matches" in document.text
    assert not document.one("main").all("button")
    assert client_of(owner).get(reverse("tasks:bulk", args=["delete"])).status_code == 404
    assert Client().post(CANCEL, {"expected": "1"}).headers["Location"].startswith(reverse("sign-in"))


@pytest.mark.parametrize(
    "query",
    [
        "status=nonsense", "created_after=soon", "last=2h", "q=" + "x" * 201, "topic=%00", "stauts=failed", "name=!!",
        "topic=a&topic=b", "created_after=2026-11-24&created_before=2026-11-23", "created_after=0001-01-01",
    ],
)  # fmt: skip
@pytest.mark.parametrize("address", [CANCEL, RETRY])
def test_a_filter_that_is_partly_wrong_widens_nothing(
    owner: User, client_of: ClientOf, address: str, query: str
) -> None:
    make_run(owner)
    make_run_in(Status.FAILED, owner)
    client = client_of(owner)
    document = page(client, f"{address}?{query}", status=422)
    assert complaints(document) == []
    assert "cannot be used" in document.one("main").one(role="alert").text
    assert not document.one("main").all("form") and not document.one("main").all("button")
    sent = {**UNFILTERED, **dict(pair.split("=", 1) for pair in query.split("&")), "expected": "9"}
    if "topic=a&" not in query and "%" not in query:
        assert client.post(address, sent).status_code == 422
    assert TaskRun.objects.count() == 2
    if "stauts" not in query:
        shown = page(client, f"/tasks/?{query}")
        assert not shown.all("article") and not [link for link in shown.all("a") if "bulk" in link.attrs["href"]]
        with pytest.raises(BadFilter):
            bulk.start(owner, Filters.of(QueryDict(query)), Action.CANCEL, expected=9)


def test_the_last_hour_does_not_move_between_question_and_answer(owner: User, client_of: ClientOf) -> None:
    run = make_run(owner)
    client = client_of(owner)
    document = page(client, f"{CANCEL}?last=1h")
    assert "created from" in document.text
    # It is older than an hour once the person has made up their mind; it was what they were asked about.
    started = submit(client, document)
    assert started.kwargs["run_ids"] == [str(run.pk)]
    form = document.one("main").one("form", method="post")
    assert form.one("input", name="last").attrs["value"] == ""
    assert form.one("input", name="created_after").attrs["value"]


def test_every_filter_narrows_what_is_taken(owner: User, staff: User, client_of: ClientOf) -> None:
    wanted = make_run(owner, name="Nightly import", topic="energy", kwargs={"city": "Bremen"})
    make_run(staff, name="Nightly import", topic="energy", kwargs={"city": "Bremen"})
    make_run(owner, name="Other", topic="energy", kwargs={"city": "Bremen"})
    make_run(owner, name="Nightly import", topic="rail", kwargs={"city": "Bremen"})
    make_run(owner, name="Nightly import", topic="energy")
    old = make_run(owner, name="Nightly import", topic="energy", kwargs={"city": "Bremen"})
    TaskRun.objects.filter(pk=old.pk).update(created_at="2020-01-01T00:00Z")
    query = "status=pending&q=bremen&name=night&topic=energy&owner=owner&last=7d&created_before=2999-01-01"
    run = submit(client_of(staff), page(client_of(staff), f"{CANCEL}?{query}"))
    assert run.kwargs["run_ids"] == [str(wanted.pk)]
    assert run.metadata["filter"]["q"] == "bremen"


def test_a_secret_somebody_searched_for_is_not_kept_with_the_bulk_run(owner: User) -> None:
    make_run(owner, args=["https://me:hunter2@host/"], kwargs={})
    run = bulk.start(owner, Filters.of({"q": "https://me:hunter2@host/"}), Action.CANCEL, expected=1)
    assert "hunter2" not in str(run.metadata) + run.search

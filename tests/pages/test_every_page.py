"""What holds for every page: who sees it, that it obeys the CSP, and that it can be read."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from notifications import facade
from tasks import queues, schedules
from tasks.models import Schedule, TaskEvent, TaskItem, TaskRun
from tasks.schedules import Plan
from tasks.states import Status
from tests.pages.reading import complaints, page, queries_to_render, read
from tests.tasks.runs import ADD, make_run, make_run_in

NASTY = "<script>alert(1)</script><img src=x onerror=alert(1)> & “quotes” ' \" {{ 7|add:7 }}"

type ClientOf = Callable[[User], Client]


@pytest.fixture
def runs(owner: User) -> dict[str, TaskRun]:
    """A run of the owner's in every state, named and spoken of in the nastiest way."""
    made = {status.value: make_run_in(status, owner, name=f"{status} {NASTY}", topic=NASTY) for status in Status}
    for run in made.values():
        TaskRun.objects.filter(pk=run.pk).update(
            message=NASTY,
            current_item=NASTY,
            stage=NASTY[:90],
            error=NASTY,
            kwargs={NASTY: NASTY},
            metadata={"a": [NASTY]},
        )
    TaskRun.objects.filter(pk=made["completed"].pk).update(result={NASTY: [NASTY, {"deep": NASTY}]})
    for run in (made["running"], made["failed"]):
        tell(run, 30)
    facade.create_notification(username="owner", type=NASTY[:40], title=NASTY, message=NASTY, link="/tasks/")
    facade.create_notification(username=None, type="news", title=NASTY, message=NASTY)
    return made


def tell(run: TaskRun, times: int) -> None:
    """Log lines and items of `run`, some of them failed."""
    first = run.events.count() + 10
    TaskEvent.objects.bulk_create(
        TaskEvent(run=run, seq=seq, kind="log", data={"level": "error", "message": f"{seq}\n{NASTY}"})
        for seq in range(first, first + times)
    )
    TaskItem.objects.bulk_create(
        TaskItem(run=run, key=f"{number} {NASTY}", outcome="failed" if number % 2 else "done", error=NASTY)
        for number in range(first, first + times)
    )


@pytest.fixture(autouse=True)
def schedulable(settings: Settings) -> None:
    """What may be scheduled in these tests."""
    settings.TASKS_SCHEDULABLE = {ADD: ""}


@pytest.fixture
def schedule(owner: User) -> Schedule:
    """A schedule that runs for the owner."""
    return make_schedule(owner)


def make_schedule(owner: User, number: int = 0) -> Schedule:
    """A schedule that has run, was skipped and is in trouble."""
    plan = Plan(name=f"{number} {NASTY}", task=ADD, kwargs={"a": 1, "b": 2}, owner_id=owner.pk, cron="0 6 * * *")
    schedule = schedules.create(plan)
    schedules.run_now(schedule, by=owner)
    Schedule.objects.filter(pk=schedule.pk).update(skipped=3, last_error=NASTY)
    return schedule


def pages_of(runs: dict[str, TaskRun]) -> list[str]:
    """Every page of runs and notifications that their owner can open."""
    names: tuple[str, ...] = (
        "dashboard",
        "tasks:list",
        "notifications:list",
        "notifications:panel",
        "tasks:schedule-list",
    )
    names += (
        "notifications:preferences",
        "notifications:deliveries",
        "profile",
        "change-password",
        "token-list",
        "session-list",
    )
    paths = [reverse(name) for name in names]
    paths += [run.get_absolute_url() for run in runs.values()]
    paths += [f"{reverse('tasks:list')}?status={status}&q=alert&topic=x" for status in ("running", "nonsense")]
    paths += [reverse("tasks:cancel", args=[runs["running"].pk]), reverse("tasks:actions", args=[runs["failed"].pk])]
    paths += [reverse("tasks:bulk", args=[action]) + "?q=alert" for action in ("cancel", "retry")]
    for run in (runs["running"], runs["failed"]):
        paths += [run.get_absolute_url() + "?items=failed", reverse("tasks:items", args=[run.pk])]
    return [*paths, f"{reverse('notifications:list')}?show=unread"]


def test_every_page_obeys_the_policy_and_can_be_read(
    runs: dict[str, TaskRun], owner: User, client_of: ClientOf
) -> None:
    client = client_of(owner)
    for path in pages_of(runs):
        assert complaints(page(client, path)) == [], path


def test_every_page_of_staff_obeys_the_policy_and_can_be_read(
    runs: dict[str, TaskRun], schedule: Schedule, staff: User, client_of: ClientOf
) -> None:
    queues.pause("default", by=staff)
    client = client_of(staff)
    own = [reverse(name, args=[schedule.pk]) for name in ("tasks:schedule-edit", "tasks:schedule-delete")]
    for path in [
        *pages_of(runs),
        *own,
        reverse("tasks:schedule-new"),
        reverse("tasks:queue-list"),
        reverse("styleguide"),
        reverse("audit-list"),
    ]:
        document = page(client, path)
        assert complaints(document) == [], path
        assert not document.all("img"), path


def test_no_page_may_evaluate_text_or_run_what_was_written_into_it(
    runs: dict[str, TaskRun], owner: User, client_of: ClientOf
) -> None:
    client = client_of(owner)
    for path in pages_of(runs):
        policy = client.get(path).headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy and "unsafe" not in policy, path


def test_texts_of_others_stay_texts(runs: dict[str, TaskRun], owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)
    for path in pages_of(runs):
        document = page(client, path)
        assert not document.all("img"), path
        assert all("src" in script.attrs for script in document.all("script")), path
    shown = page(client, runs["completed"].get_absolute_url())
    assert shown.one("h1").text == " ".join(f"completed {NASTY}".split())


def test_strangers_get_the_same_404_as_for_a_run_that_never_was(
    runs: dict[str, TaskRun], stranger: User, client_of: ClientOf
) -> None:
    client = client_of(stranger)
    for name in ("tasks:detail", "tasks:actions", "tasks:cancel", "tasks:items"):
        theirs = client.get(reverse(name, args=[runs["running"].pk]))
        never = client.get(reverse(name, args=[uuid4()]))
        assert (theirs.status_code, theirs.content) == (never.status_code, never.content)
        assert theirs.status_code == 404
    for name in ("tasks:cancel", "tasks:retry"):
        assert client.post(reverse(name, args=[runs["running"].pk])).status_code == 404
    runs["running"].refresh_from_db()
    assert runs["running"].cancel_requested_at is None


def test_strangers_see_nothing_of_the_owner_on_their_own_pages(
    runs: dict[str, TaskRun], stranger: User, client_of: ClientOf
) -> None:
    client = client_of(stranger)
    for name in ("dashboard", "tasks:list"):
        text = page(client, reverse(name)).text
        assert "alert(1)" not in text.replace("Maintenance", "")
    assert not page(client, reverse("tasks:list")).all("article")


def test_staff_see_every_run_and_whose_it_is(runs: dict[str, TaskRun], staff: User, client_of: ClientOf) -> None:
    document = page(client_of(staff), reverse("tasks:list"))
    assert len(document.all("article")) == len(runs)
    assert "owner" in document.all("article")[0].text


def test_only_staff_read_the_traceback(runs: dict[str, TaskRun], owner: User, staff: User, client_of: ClientOf) -> None:
    TaskRun.objects.filter(pk=runs["failed"].pk).update(traceback="line 77, in fetch", exception_class="app.Oops")
    path = runs["failed"].get_absolute_url()
    assert "line 77" in page(client_of(staff), path).text
    for word in ("line 77", "app.Oops"):
        assert word not in page(client_of(owner), path).text


def test_nobody_sees_a_page_without_signing_in(runs: dict[str, TaskRun], client: Client) -> None:
    for path in pages_of(runs):
        response = client.get(path)
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("sign-in"))


def test_pages_are_not_kept_by_caches(runs: dict[str, TaskRun], owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)
    for path in pages_of(runs):
        assert "no-store" in client.get(path)["Cache-Control"], path


def test_reading_pages_changes_nothing(runs: dict[str, TaskRun], owner: User, client_of: ClientOf) -> None:
    before, unread = list(TaskRun.objects.order_by("pk").values("pk", "status", "seq")), facade.get_unread_count(owner)
    client = client_of(owner)
    for path in pages_of(runs):
        client.get(path)
    assert list(TaskRun.objects.order_by("pk").values("pk", "status", "seq")) == before
    assert facade.get_unread_count(owner) == unread > 0


def test_changes_are_made_by_post_alone(runs: dict[str, TaskRun], owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)
    notice = facade.create_notification(username="owner", type="x", title="t", message="m")
    names = ["notifications:read-all", "notifications:clear-read"]
    single = ["notifications:open", "notifications:read", "notifications:unread", "notifications:delete"]
    paths = [reverse(name) for name in names] + [reverse(name, args=[notice.pk]) for name in single]
    for path in [*paths, reverse("tasks:retry", args=[runs["failed"].pk]), reverse("sign-out")]:
        assert client.get(path).status_code == 405, path


def test_forms_without_a_token_change_nothing(runs: dict[str, TaskRun], owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    response = client.post(reverse("tasks:cancel", args=[runs["running"].pk]))
    assert response.status_code == 403
    assert "too old" in read(response.content).one("h1").text


@pytest.mark.parametrize(("path", "status"), [("/nothing/here/", 404), ("/tasks/not-an-id/", 404)])
def test_missing_pages_are_shown_in_the_design(client: Client, path: str, status: int, db: None) -> None:
    document = page(client, path, status)
    assert complaints(document) == []
    assert document.one("a", class_="button-primary").attrs["href"] == "/"


def test_trouble_on_our_side_is_said_without_its_text(
    owner: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**seen: object) -> None:
        raise RuntimeError("inner secret")

    monkeypatch.setattr("statusproj.views.find_standstill", broken)
    client = client_of(owner)
    client.raise_request_exception = False
    document = page(client, reverse("dashboard"), 500)
    assert complaints(document) == []
    assert "inner secret" not in document.text
    assert "broke on our side" in document.one("h1").text


def test_a_page_says_where_one_is(owner: User, client_of: ClientOf) -> None:
    make_run(owner)
    navigation = page(client_of(owner), reverse("tasks:list")).one("nav", aria_label="Main")
    assert navigation.one("a", aria_current="page").text == "Runs"


def test_no_page_costs_more_the_more_there_is_to_show(
    runs: dict[str, TaskRun], schedule: Schedule, owner: User, staff: User, client_of: ClientOf
) -> None:
    paths = [*pages_of(runs), reverse("tasks:schedule-list")]
    client, boss = client_of(owner), client_of(staff)
    queues.pause("default")
    make_run(owner, queue="other")
    for run in runs.values():
        tell(run, 2)

    def costs() -> dict[str, int]:
        found = {path: queries_to_render(client, path) for path in paths}
        return {**found, "queues": queries_to_render(boss, reverse("tasks:queue-list"))}

    before = costs()
    for number in range(1, 4):
        make_schedule(owner, number)
        make_run(owner, name=NASTY, queue=f"queue {number}")
        make_run_in(Status.FAILED, owner, name=NASTY)
        facade.create_notification(username="owner", type="x", title="t", message="m")
    for run in runs.values():
        tell(run, 50)
    assert {path: (before[path], cost) for path, cost in costs().items() if cost > before[path]} == {}

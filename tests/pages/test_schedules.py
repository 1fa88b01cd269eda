"""The pages of schedules, and their admin: who sees them, who may change them, and that they say what will happen."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from tasks import schedules
from tasks.models import Schedule, TaskRun
from tasks.schedules import Plan, database_now
from tests.pages.reading import complaints, page, queries_to_render, read
from tests.tasks.runs import ADD

type ClientOf = Callable[[User], Client]

LIST = "/tasks/schedules/"
NEW = f"{LIST}new/"
NASTY = "<img src=x onerror=alert(1)> & “quotes” ' \" {{ 7|add:7 }}"
ENTERED = {"name": "Hourly", "task": ADD, "kwargs": '{"a": 1, "b": 2}', "every": "1", "unit": "hours", "zone": "UTC"}


@pytest.fixture(autouse=True)
def schedulable(settings: Settings) -> None:
    """What may be scheduled in these tests."""
    settings.TASKS_SCHEDULABLE = {ADD: "", "ingest.jobs.collect": "ingest.jobs.start_scheduled"}


def make(owner: User, name: str = "Hourly", **fields: Any) -> Schedule:
    """A schedule that adds one and two for `owner` every hour."""
    plan = {"task": ADD, "kwargs": {"a": 1, "b": 2}, "interval": timedelta(hours=1), **fields}
    return schedules.create(Plan(name=name, owner_id=owner.pk, **plan))


def address(name: str, schedule: Schedule) -> str:
    """Where something about `schedule` is shown or done."""
    return reverse(f"tasks:schedule-{name}", args=[schedule.pk])


def test_staff_make_change_and_delete_a_schedule(staff: User, owner: User, client_of: ClientOf) -> None:
    client = client_of(staff)
    assert "Make a schedule" in page(client, LIST).text
    assert complaints(page(client, NEW)) == []
    assert client.post(NEW, {**ENTERED, "owner": "owner"}).headers["Location"] == LIST
    schedule = Schedule.objects.get()
    assert (schedule.owner, schedule.interval, schedule.kwargs) == (owner, timedelta(hours=1), {"a": 1, "b": 2})
    form = page(client, address("edit", schedule))
    assert complaints(form) == []
    assert form.one("input", name="every").attrs["value"] == "1"
    changed = {**ENTERED, "owner": "staff", "every": "", "cron": "0 6 * * 1-5", "zone": "Europe/Berlin"}
    client.post(address("edit", schedule), changed)
    schedule.refresh_from_db()
    assert (schedule.cron, schedule.interval, schedule.owner) == ("0 6 * * 1-5", None, staff)
    document = page(client, LIST)
    assert complaints(document) == []
    assert "0 6 * * 1-5 (Europe/Berlin)" in document.text
    assert "06:00 Europe/Berlin" in document.text
    assert complaints(page(client, address("delete", schedule))) == []
    client.post(address("delete", schedule))
    assert not Schedule.objects.exists()


@pytest.mark.parametrize(
    ("field", "entered"),
    [
        ("name", {"name": ""}),
        ("task", {"task": "os.system"}),
        ("kwargs", {"kwargs": "{"}),
        ("kwargs", {"kwargs": "[1]"}),
        ("kwargs", {"kwargs": '{"c": 1}'}),
        ("every", {"every": "0"}),
        ("every", {"every": "1", "unit": "seconds"}),
        ("cron", {"cron": "* * * * *"}),
        ("cron", {"every": "", "cron": "every day"}),
        ("zone", {"zone": "Mars/Olympus"}),
        ("owner", {"owner": "nobody"}),
    ],
)
def test_what_cannot_be_used_is_said_at_its_field(
    staff: User, client_of: ClientOf, field: str, entered: dict[str, str]
) -> None:
    response = client_of(staff).post(NEW, {**ENTERED, "owner": "staff", **entered})
    assert response.status_code == 422
    document = read(response.content)
    assert complaints(document) == []
    wrong = document.one("div", class_="field-wrong")
    assert wrong.all(name=field)
    assert wrong.one("p", class_="field-error").text
    assert not Schedule.objects.exists()


def test_a_card_says_what_happened_last_and_what_comes_next(staff: User, owner: User, client_of: ClientOf) -> None:
    schedule = make(owner, name=NASTY)
    client = client_of(staff)
    for _ in range(2):
        Schedule.objects.filter(pk=schedule.pk).update(next_run_at=database_now())
        schedules.fire_due()
    Schedule.objects.filter(pk=schedule.pk).update(last_error=NASTY)
    document = page(client, LIST)
    assert complaints(document) == []
    assert not document.all("img")
    text = document.one("article").text
    for words in ("Every hour", "from now", "Skipped 1 time", "Waiting", "In trouble", "owner"):
        assert words in text, words
    assert TaskRun.objects.get().get_absolute_url() in [link.attrs["href"] for link in document.all("a")]


def test_switching_and_starting_happen_by_button(staff: User, owner: User, client_of: ClientOf) -> None:
    schedule = make(owner)
    client = client_of(staff)
    client.post(address("disable", schedule))
    document = page(client, LIST)
    assert "1 schedule, 1 of them off" in document.text
    assert "not planned" in document.text
    client.post(address("run", schedule))
    assert TaskRun.objects.get().owner == owner
    client.post(address("run", schedule))
    assert "is running already" in page(client, LIST).text
    assert TaskRun.objects.count() == 1
    client.post(address("enable", schedule))
    assert "from now" in page(client, LIST).text


def test_what_cannot_start_is_said_not_raised(staff: User, owner: User, client_of: ClientOf) -> None:
    schedule = make(owner, task="ingest.jobs.collect", kwargs={"topic_id": 4711})
    client = client_of(staff)
    client.post(address("run", schedule))
    assert "has no topic 4711" in page(client, LIST).text
    Schedule.objects.filter(pk=schedule.pk).update(
        task="no.such.function", interval=None, cron="nonsense", enabled=False
    )
    client.post(address("run", schedule))
    assert "not among the tasks" in page(client, LIST).text
    client.post(address("enable", schedule))
    assert "cannot be turned on" in page(client, LIST).text
    assert "(gone)" in page(client, address("edit", schedule)).text


def test_owners_turn_their_own_off_and_on_and_start_it(owner: User, client_of: ClientOf) -> None:
    schedule = make(owner)
    client = client_of(owner)
    shown = page(client, LIST).one("article")
    assert [button.text for button in shown.all("button")] == ["Run now Hourly", "Turn off Hourly"]
    client.post(address("disable", schedule))
    schedule.refresh_from_db()
    assert not schedule.enabled
    client.post(address("enable", schedule))
    client.post(address("run", schedule))
    schedule.refresh_from_db()
    assert schedule.enabled
    assert TaskRun.objects.get().owner == owner


def test_owners_see_only_their_own_and_what_it_runs_is_not_theirs_to_change(
    owner: User, staff: User, client_of: ClientOf
) -> None:
    schedule = make(owner)
    others = make(staff, name="Somebody else’s")
    client = client_of(owner)
    document = page(client, LIST)
    assert [heading.text for heading in document.all("h2")] == ["Hourly"]
    for name in ("edit", "delete"):
        assert client.post(address(name, schedule)).status_code == 403
    for name in ("edit", "enable", "disable", "run", "delete"):
        assert client.post(address(name, others)).status_code == 404
    assert client.get(address("edit", schedule)).status_code == client.get(NEW).status_code == 403
    assert client.post(NEW, {**ENTERED, "owner": "owner"}).status_code == 403
    assert not TaskRun.objects.exists()


def test_strangers_get_the_same_404_as_for_a_schedule_that_never_was(
    owner: User, stranger: User, client_of: ClientOf
) -> None:
    schedule = make(owner)
    client = client_of(stranger)
    assert "Hourly" not in page(client, LIST).text
    for name in ("edit", "enable", "disable", "run", "delete"):
        theirs = client.post(address(name, schedule))
        never = client.post(reverse(f"tasks:schedule-{name}", args=[schedule.pk + 1]))
        assert (theirs.status_code, theirs.content) == (never.status_code, never.content)
        assert theirs.status_code == 404
    schedule.refresh_from_db()
    assert schedule.enabled


def test_links_change_nothing_and_nobody_is_let_in_without_signing_in(
    staff: User, owner: User, client_of: ClientOf
) -> None:
    schedule = make(owner)
    for name in ("enable", "disable", "run"):
        assert client_of(staff).get(address(name, schedule)).status_code == 405
    for path in (LIST, NEW, address("edit", schedule), address("delete", schedule)):
        assert Client().get(path).headers["Location"].startswith(reverse("sign-in"))


def test_the_way_to_schedules_is_shown_to_those_who_may_see_them(
    staff: User, owner: User, stranger: User, client_of: ClientOf
) -> None:
    make(owner)
    assert page(client_of(staff), "/").one("nav", aria_label="Main").all("a", href=LIST)
    assert page(client_of(staff), LIST).one("nav", aria_label="Main").one("a", aria_current="page").text == "Schedules"
    assert page(client_of(owner), "/tasks/").all("a", href=LIST)
    assert not page(client_of(stranger), "/tasks/").all("a", href=LIST)


def test_ten_schedules_cost_as_many_queries_as_one(staff: User, owner: User, client_of: ClientOf) -> None:
    client = client_of(staff)
    for number in range(11):
        make(owner, name=f"Number {number}")
        Schedule.objects.update(next_run_at=database_now())
        schedules.fire_due()
        if number == 0:
            cost_of_one = queries_to_render(client, LIST)
    assert queries_to_render(client, LIST) == cost_of_one


ADMIN = "/admin/tasks/schedule/"


def test_the_admin_holds_schedules_to_the_same_rules(staff: User, owner: User, client_of: ClientOf) -> None:
    client = client_of(staff)
    entered = {**ENTERED, "interval": "01:00:00", "owner": owner.pk, "topic": "", "cron": ""}
    assert "not among the tasks" in client.post(f"{ADMIN}add/", {**entered, "task": "os.system"}).content.decode()
    assert not Schedule.objects.exists()
    assert client.post(f"{ADMIN}add/", entered).status_code == 302
    schedule = Schedule.objects.get()
    assert schedule.next_run_at is not None
    path = f"{ADMIN}{schedule.pk}/change/"
    assert client.get(path).status_code == 200
    assert client.post(path, {**entered, "name": "Renamed"}).status_code == 302
    client.post(ADMIN, {"action": "disable_schedules", "_selected_action": [schedule.pk]})
    schedule.refresh_from_db()
    assert (schedule.name, schedule.enabled, schedule.next_run_at) == ("Renamed", False, None)
    client.post(ADMIN, {"action": "enable_schedules", "_selected_action": [schedule.pk]})
    schedule.refresh_from_db()
    assert schedule.enabled
    assert client.post(f"{ADMIN}{schedule.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Schedule.objects.exists()


def test_staff_who_may_only_look_see_no_button(teammate: User, owner: User, client_of: ClientOf) -> None:
    User.objects.filter(pk=teammate.pk).update(is_staff=True)
    teammate.user_permissions.add(Permission.objects.get(codename="view_schedule"))
    schedule = make(owner)
    client = client_of(teammate)
    assert not page(client, LIST).one("article").all("form")
    assert client.post(address("disable", schedule)).status_code == 403

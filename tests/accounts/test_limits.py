"""Rate limits: so many of a kind, from all processes together, and then 429 until time has gone by."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.test import AsyncClient, Client
from prometheus_client import REGISTRY
from pytest_django.fixtures import Settings

from accounts import limits, tokens
from accounts.limits import Rate, neighbourhood, rate_of
from accounts.models import ApiToken, RateLimit
from accounts.scopes import Scope
from ingest.models import Topic
from notifications.models import Notification
from statusproj.api import api
from tasks.models import TaskRun
from tasks.states import Status
from tests.pages.reading import complaints, read
from tests.permissions.document import recorded
from tests.permissions.routes import every_route
from tests.racing import race
from tests.servers import ROOT, database_url
from tests.tasks.runs import make_run

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

type ClientOf = Callable[[User], Client]


@pytest.fixture(autouse=True)
def two_a_minute(settings: Settings) -> None:
    """Of everything."""
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, "2/minute")


def go_on(seconds: float) -> None:
    """As if so much time had gone by."""
    for row in RateLimit.objects.all():
        row.full_at -= timedelta(seconds=seconds)
        row.save(update_fields=["full_at"])


# Counting


@pytest.mark.parametrize(
    ("text", "quota", "seconds"), [("60/minute", 60, 60), (" 5/Hour ", 5, 3600), ("1/day", 1, 86400)]
)
def test_a_rate_is_written_as_people_say_it(text: str, quota: int, seconds: int) -> None:
    assert rate_of(text) == Rate(quota, timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "text", ["sixty", "60", "60/fortnight", "-1/minute", "1.5/minute", "0/minute", "60/minute/user"]
)
def test_what_is_no_rate_is_refused_at_the_start_with_an_example(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="60/minute"):
        limits.check_settings({"start": text})


@pytest.mark.django_db
def test_after_the_quota_one_waits_for_one_step_and_for_no_more(settings: Settings) -> None:
    settings.RATE_LIMITS["start"] = "7/minute"
    taken = [limits.take("start", "user:1") for _ in range(9)]
    assert [verdict.allowed for verdict in taken if verdict] == [True] * 7 + [False] * 2
    assert [verdict.remaining for verdict in taken if verdict] == [6, 5, 4, 3, 2, 1, 0, 0, 0]
    assert taken[-1] is not None and 0 < taken[-1].wait <= 60 / 7
    go_on(60 / 7)
    assert [bool((verdict := limits.take("start", "user:1")) and verdict.allowed) for _ in range(2)] == [True, False]


@pytest.mark.django_db
def test_kinds_and_people_are_counted_by_themselves() -> None:
    for who in ("user:1", "user:2"):
        for kind in ("start", "send"):
            assert [bool((seen := limits.take(kind, who)) and seen.allowed) for _ in range(3)] == [True, True, False]


@pytest.mark.django_db
def test_zero_is_no_limit_and_asks_nobody(settings: Settings, django_assert_num_queries: Any) -> None:
    settings.RATE_LIMITS["start"] = "0"
    with django_assert_num_queries(0):
        assert limits.take("start", "user:1") is None


@pytest.mark.django_db
def test_counting_is_one_statement_and_one_row(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        limits.take("start", "user:1")
    for _ in range(5):
        limits.take("start", "user:1")
    assert RateLimit.objects.count() == 1


@pytest.mark.django_db
def test_whose_quota_is_whole_again_is_forgotten() -> None:
    limits.take("start", "user:1")
    go_on(31)
    limits.take("start", "user:2")
    assert limits.delete_idle() == 1
    assert [row.who for row in RateLimit.objects.all()] == ["user:2"]


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_exactly_the_quota_gets_through(settings: Settings) -> None:
    settings.RATE_LIMITS["start"] = "5/day"
    verdicts = race(*[lambda: limits.take("start", "user:1") for _ in range(16)])
    assert sorted(verdict.allowed for verdict in verdicts) == [False] * 11 + [True] * 5  # type: ignore[attr-defined]


@pytest.mark.django_db(transaction=True)
def test_two_processes_hold_one_limit_together() -> None:
    script = (
        "import django; django.setup()\n"
        "from accounts import limits\n"
        "print(sum(limits.take('start', 'user:1').allowed for _ in range(40)))"
    )
    environment = {
        "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "statusproj.settings", "RATE_LIMIT_START": "50/day",
    }  # fmt: skip
    command = [sys.executable, "-W", "ignore", "-c", script]
    both = [
        subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE) for _ in range(2)
    ]
    assert sum(int(process.communicate(timeout=60)[0]) for process in both) == 50


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("unix:", "unix:"),
        ("", ""),
    ],
)
def test_who_has_a_whole_network_is_one(address: str, same: str) -> None:
    assert neighbourhood(address) == same


# At the edge


@pytest.mark.django_db
def test_a_refused_request_changes_nothing_and_says_when_to_come_back(owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)
    runs = [make_run(owner) for _ in range(3)]
    before = REGISTRY.get_sample_value("statusproj_requests_refused_total", {"kind": "control"}) or 0
    answers = [client.delete(f"/api/background-tasks/task/{run.pk}") for run in runs]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    refused = answers[-1]
    assert refused.json()["error"]["code"] == "too_many_requests"
    assert 0 < int(refused["Retry-After"]) <= 30
    assert TaskRun.objects.filter(status=Status.PENDING).get() == runs[-1]
    after = REGISTRY.get_sample_value("statusproj_requests_refused_total", {"kind": "control"})
    assert after == before + 1
    go_on(int(refused["Retry-After"]))
    assert client.delete(f"/api/background-tasks/task/{runs[-1].pk}").status_code == 200


@pytest.mark.django_db
def test_answers_say_how_much_is_left(owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)
    answers = [client.post(f"/tasks/{make_run(owner).pk}/cancel/") for _ in range(3)]
    assert [answer.headers["RateLimit"].rpartition(";")[0] for answer in answers] == [
        '"control";r=1', '"control";r=0', '"control";r=0',
    ]  # fmt: skip
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"control";q=2;w=60'}
    assert "RateLimit" not in client.get("/tasks/").headers


@pytest.mark.django_db
def test_what_a_person_typed_comes_back_with_the_refusal_and_can_be_sent_again(
    owner: User, client_of: ClientOf
) -> None:
    client = Client(headers=BROWSER, enforce_csrf_checks=True)
    client.force_login(owner)
    said: dict[str, Any] = {
        "name": "“Wind” & <sun>",
        "relevance_threshold": 0.5,
        "quality_threshold": 0.4,
    }
    form = read(client.get("/keyword-alerts/new/").content)
    said["csrfmiddlewaretoken"] = form.all("input", name="csrfmiddlewaretoken")[0].attrs["value"]
    for _ in range(2):
        limits.take("create", f"user:{owner.pk}")
    refused = client.post("/keyword-alerts/new/", said)
    document = read(refused.content)
    assert refused.status_code == 429 and complaints(document) == []
    assert "You have made a great deal in a short time. Try again in" in document.one(class_="lead").text
    assert not Topic.objects.exists()
    again = document.one("form", method="post")
    sent = {field.attrs["name"]: field.attrs.get("value", "") for field in again.all("input")}
    go_on(60)
    assert client.post(again.attrs["action"], sent).status_code == 302
    assert Topic.objects.get().name == said["name"]


@pytest.mark.django_db
def test_a_token_counts_as_its_owner_and_so_does_a_superuser(client_of: ClientOf) -> None:
    root = User.objects.create_superuser("superuser")
    _, secret = tokens.create(root, name="A script", scopes=[Scope.WRITE], expires_at=None)
    program = Client(headers={"Authorization": f"Bearer {secret}"})
    for client, status in ((program, 200), (client_of(root), 200), (program, 429), (client_of(root), 429)):
        assert client.delete(f"/api/background-tasks/task/{make_run(root).pk}").status_code == status


@pytest.mark.django_db
def test_a_broadcast_too_many_reaches_nobody(staff: User, client_of: ClientOf) -> None:
    client = client_of(staff)
    said = {"everyone": True, "title": "t", "message": "m"}
    for status in (201, 201, 429):
        assert client.post("/api/notifications", said, "application/json").status_code == status
    admin = {"audience": "everyone", "severity": "info", "title": "t", "message": "m", "send": "Send"}
    assert client.post("/admin/notifications/notification/compose/", admin).status_code == 429
    assert Notification.objects.count() == 2


@pytest.mark.django_db
def test_a_token_too_many_is_not_made(owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)
    said = {"name": "Phone", "scopes": ["read"], "days": "30"}
    assert [client.post("/profile/tokens/", said).status_code for _ in range(3)] == [201, 201, 429]
    assert ApiToken.objects.count() == 2


@pytest.mark.django_db(transaction=True)
async def test_a_server_that_is_asynchronous_counts_alike(owner: User) -> None:
    client = AsyncClient()
    await client.aforce_login(owner)
    for status in (200, 200, 429):
        answer = await client.post("/profile/tokens/", {"name": "", "scopes": ["read"]}, headers=BROWSER)
        assert answer.status_code == (status if status == 429 else 422)
    assert 0 < int(answer["Retry-After"]) <= 30
    assert "Send it again" in answer.content.decode()


# What is limited

# Writes that are not, each for a reason: they cost no more than reading, and touch only what is the person's own.
FREE = {
    "reading and marking": {
        *("notifications:open", "notifications:read", "notifications:unread", "notifications:delete"),
        *("notifications:read-all", "notifications:clear-read", "topic-read-all", "article-undo"),
    },
    "trying, bounded in time": {"rules-preview"},
    "changing what one has": {
        *("topic-edit", "topic-delete", "topic-rules", "alert-rule-delete", "source-edit", "source-delete"),
        *(
            "tasks:schedule-edit",
            "tasks:schedule-enable",
            "tasks:schedule-disable",
            "tasks:schedule-delete",
            "profile",
            "change-password",
        ),
        *("notifications:preferences", "collect-preferences"),
    },
    "ending": {"token-revoke", "session-end", "session-end-others", "sign-out"},
    "limited by address": {"sign-in"},
}
FREE_OPERATIONS = {
    "reading and marking": {"mark_all_read", "delete_read", "mark_read", "mark_unread", "delete", "change_article"},
    "trying, bounded in time": {"try_rules"},
    "changing what one has": {
        *("change_schedule", "delete_schedule", "enable_schedule", "disable_schedule", "change_config"),
        *("delete_topic", "change_source", "delete_source", "delete_alert_rule", "patch_preferences"),
        "change_preferences",
    },
}


def test_every_operation_that_writes_is_limited_or_has_its_reason_not_to_be() -> None:
    api.urls  # noqa: B018 - routers are put together when somebody asks for their addresses
    found = {
        operation.view_func.__name__
        for bound in api._get_bound_routers()
        for view in bound.path_operations.values()
        for operation in view.operations
        if {"POST", "PUT", "PATCH", "DELETE"} & set(operation.methods)
        and not hasattr(operation.view_func, "limited_by")
    }
    assert found == set().union(*FREE_OPERATIONS.values())


def test_every_page_that_writes_is_limited_or_has_its_reason_not_to_be() -> None:
    writes = {route for route, methods in recorded("Pages").items() if "POST" in methods}
    found = {route.name for route in every_route() if route.shown in writes and not hasattr(route.view, "limited_by")}
    assert found == set().union(*FREE.values())

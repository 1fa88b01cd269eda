"""`manage.py check` names what a project lacks, and says what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import override_settings
from django.urls import path
from pytest_django.fixtures import Settings

from live import checks as live
from notifications import checks as notifications
from tasks import checks as tasks

urlpatterns: list[Any] = [path("", lambda request: None)]  # a project that has included nothing


def plain(*args: Any) -> None:
    """An ASGI application with no sockets of ours."""


def found(check: Callable[..., list[CheckMessage]]) -> list[tuple[str | None, str]]:
    """What it found: ids and hints."""
    return [(message.id, str(message.hint)) for message in check(None)]


def test_apps_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(live.apps_are_installed) == []
    monkeypatch.setattr(live.apps, "is_installed", lambda name: name not in {"django.contrib.humanize", "django_htmx"})
    assert [(id, "Add 'd" in hint) for id, hint in found(live.apps_are_installed)] == [("live.E001", True)] * 2


def test_an_app_that_cannot_even_be_set_up_says_what_it_needs() -> None:
    with pytest.raises(ImproperlyConfigured, match="'tasks' needs 'nonsense' in INSTALLED_APPS"):
        live.require("tasks", "live", "nonsense")


def test_no_channel_layer(settings: Settings) -> None:
    assert found(live.layer_is_there) == []
    settings.CHANNEL_LAYERS = {}
    [(id, hint)] = found(live.layer_is_there)
    assert id == "live.E002" and "InMemoryChannelLayer" in hint and "RedisLayer" in hint


def test_templates(settings: Settings, tmp_path: Path) -> None:
    assert found(live.pages_find_their_templates) == []
    backend = "django.template.backends.django.DjangoTemplates"
    settings.TEMPLATES = [{"BACKEND": backend}]
    assert found(live.pages_find_their_templates) == [("live.E003", 'Set "APP_DIRS": True in TEMPLATES.')]
    settings.TEMPLATES = [{"BACKEND": backend, "APP_DIRS": True}]
    assert [id for id, _hint in found(live.pages_find_their_templates)] == ["live.E004"]


def test_a_base_template_that_is_never_found(settings: Settings) -> None:
    [engine] = settings.TEMPLATES
    ours = Path(live.__file__).parent / "templates"
    settings.TEMPLATES = [{**engine, "DIRS": [ours]}]  # the order of things where `live` stands before `statusproj`
    [(id, hint)] = found(live.pages_find_their_templates)
    assert id == "live.W001" and "Put 'statusproj' before 'live'" in hint


@pytest.mark.parametrize(
    ("application", "expected"),
    [
        ("statusproj.asgi.application", []),
        (None, ["live.E005"]),
        ("tests.library.nowhere.application", ["live.E006"]),
        ("tests.library.test_checks.plain", ["live.W002"]),
    ],
)
def test_who_serves_sockets(
    application: str | None, expected: list[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["manage.py", "check"])
    settings.ASGI_APPLICATION = application
    answers = found(live.sockets_are_served)
    assert [id for id, _hint in answers] == expected
    assert all("tasks.asgi" in hint for _id, hint in answers)


def test_runserver_without_daphne(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(live.runserver_serves_sockets) == []
    monkeypatch.setattr("sys.argv", ["manage.py", "runserver"])
    assert [id for id, _hint in found(live.runserver_serves_sockets)] == ["live.W003"]


def test_tasks_that_go_elsewhere(settings: Settings) -> None:
    tasks.require_our_backend()
    settings.TASKS = {"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}}
    with pytest.raises(ImproperlyConfigured, match=r"tasks\.backend\.ProcrastinateBackend"):
        tasks.require_our_backend()


def test_a_database_that_is_no_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(tasks.database_is_postgres) == []
    monkeypatch.setattr(type(connection), "vendor", "sqlite", raising=False)
    monkeypatch.setattr(connection, "vendor", "sqlite", raising=False)
    assert [id for id, _hint in found(tasks.database_is_postgres)] == ["tasks.E001"]


def test_pages_without_addresses() -> None:
    assert found(tasks.pages_have_addresses) == []
    with override_settings(ROOT_URLCONF=__name__):
        [(id, hint)] = found(tasks.pages_have_addresses)
    assert id == "tasks.E002" and 'include("tasks.all_urls")' in hint


def test_heartbeats_too_rare_for_who_listens(settings: Settings) -> None:
    assert found(tasks.a_late_heartbeat_is_no_death) == []
    settings.TASKS_DEAD_AFTER_SECONDS = 2.5 * settings.TASKS_HEARTBEAT_SECONDS
    assert [id for id, _hint in found(tasks.a_late_heartbeat_is_no_death)] == ["tasks.W001"]


def test_users_without_a_name_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(notifications.people_have_names) == []
    # Any model without one will do.
    monkeypatch.setattr(notifications, "get_user_model", lambda: notifications_group())
    [(id, hint)] = found(notifications.people_have_names)
    assert id == "notifications.E001" and "unique=True" in hint


def notifications_group() -> Any:
    """A model that has no username."""
    from django.contrib.auth.models import Group

    return Group

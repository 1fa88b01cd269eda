"""What `manage.py check` tells somebody who installs this app: what is missing, and what to do."""

from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.tasks import task_backends
from django.urls import NoReverseMatch, reverse

from .backend import ProcrastinateBackend
from .conf import conf

ADDRESSES = ("tasks:list", "notifications:list", "live_api:list_tasks")
HEARTBEATS = 3


def require_our_backend() -> None:
    """Raise ImproperlyConfigured unless tasks come here: those of the rooms themselves have options of ours."""
    if not isinstance(task_backends["default"], ProcrastinateBackend):
        raise ImproperlyConfigured(
            "'tasks' needs to be where tasks go: in the settings, "
            'TASKS = {"default": {"BACKEND": "tasks.backend.ProcrastinateBackend"}}.'
        )


@register
def database_is_postgres(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Runs are claimed, and workers woken, by what only PostgreSQL does."""
    if connection.vendor == "postgresql":
        return []
    hint = 'DATABASES["default"]["ENGINE"] must be "django.db.backends.postgresql".'
    return [Error(f"Runs need PostgreSQL; the default database is {connection.vendor}.", hint=hint, id="tasks.E001")]


@register
def pages_have_addresses(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Pages and the API are included in the URLconf, under whatever prefix."""
    missing = []
    for name in ADDRESSES:
        try:
            reverse(name)
        except NoReverseMatch:
            missing.append(name)
    if not missing:
        return []
    hint = 'In urls.py: path("status/", include("tasks.all_urls")).'
    return [Error(f"There is no address for {', '.join(missing)}.", hint=hint, id="tasks.E002")]


@register
def a_late_heartbeat_is_no_death(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Workers are not presumed dead for one sign of life that came late."""
    if 0 < HEARTBEATS * conf.TASKS_HEARTBEAT_SECONDS <= conf.TASKS_DEAD_AFTER_SECONDS:
        return []
    hint = "Set TASKS_DEAD_AFTER_SECONDS to at least three times TASKS_HEARTBEAT_SECONDS."
    return [Warning("Workers would be presumed dead while they live.", hint=hint, id="tasks.W001")]

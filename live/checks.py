"""What `manage.py check` tells somebody who installs these apps: what is missing, and what to do."""

import sys
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.utils.module_loading import import_string

NEEDED = [
    *("django.contrib.auth", "django.contrib.messages", "django.contrib.humanize", "django.contrib.staticfiles"),
    *("django.contrib.postgres", "channels", "django_htmx"),
]
SERVING = {"check", "serve", "runserver"}  # commands for which it is worth the time to load the ASGI application
REQUEST = "django.template.context_processors.request"
BASE = "live/base.html"


def require(app: str, *others: str) -> None:
    """Raise ImproperlyConfigured unless `others` are installed: without them `app` cannot even be set up."""
    if missing := [other for other in others if not apps.is_installed(other)]:
        raise ImproperlyConfigured(f"{app!r} needs {', '.join(map(repr, missing))} in INSTALLED_APPS.")


@register
def apps_are_installed(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Apps whose template tags and files the pages use."""
    missing = [name for name in NEEDED if not apps.is_installed(name)]
    return [
        Error(f"{name!r} is not installed.", hint=f"Add {name!r} to INSTALLED_APPS.", id="live.E001")
        for name in missing
    ]


@register
def layer_is_there(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Frames go through a channel layer."""
    if getattr(settings, "CHANNEL_LAYERS", {}).get("default"):
        return []
    hint = (
        'For one process: CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}. '
        "For several use live.redis_layer.RedisLayer."
    )
    return [Error("There is no channel layer: nobody would hear of progress.", hint=hint, id="live.E002")]


@register
def pages_find_their_templates(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Templates of apps are looked for, they know the request, and nobody's own base is hidden by ours."""
    try:
        base = Path(get_template(BASE).origin.name)  # type: ignore[attr-defined]
    except (TemplateDoesNotExist, ImproperlyConfigured):
        hint = 'Set "APP_DIRS": True in TEMPLATES.'
        return [Error("The templates of installed apps are not found.", hint=hint, id="live.E003")]
    found: list[CheckMessage] = []
    options: list[Any] = [engine.get("OPTIONS", {}) for engine in settings.TEMPLATES]
    if not any(REQUEST in one.get("context_processors", ()) for one in options):
        hint = f"Add {REQUEST!r} to the context_processors in TEMPLATES."
        found.append(Error("Templates do not know the request.", hint=hint, id="live.E004"))
    ours = Path(__file__).parent / "templates" / BASE
    if base == ours:
        for config in apps.get_app_configs():
            if (theirs := Path(config.path, "templates", BASE)).exists() and theirs != ours:
                hint = f"Put {config.name!r} before 'live' in INSTALLED_APPS, or the template into a folder of DIRS."
                found.append(Warning(f"{theirs} is never used: ours is found before.", hint=hint, id="live.W001"))
    return found


@register
def sockets_are_served(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The ASGI application has our sockets."""
    if sys.argv[1:2] and sys.argv[1] not in SERVING:
        return []
    name = getattr(settings, "ASGI_APPLICATION", None)
    hint = (
        "In asgi.py: `from tasks.asgi import get_asgi_application`, then `application = get_asgi_application()`; "
        'in the settings: ASGI_APPLICATION = "yourproject.asgi.application".'
    )
    if not name:
        return [Error("ASGI_APPLICATION is not set: nobody serves sockets.", hint=hint, id="live.E005")]
    try:
        application = import_string(name)
    except ImportError as error:
        return [Error(f"ASGI_APPLICATION cannot be loaded: {error}.", hint=hint, id="live.E006")]
    if not getattr(application, "has_live_sockets", False):
        return [Warning(f"{name} does not seem to serve live sockets.", hint=hint, id="live.W002")]
    return []


@register
def runserver_serves_sockets(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Django's own runserver knows no sockets; Daphne's does."""
    if sys.argv[1:2] != ["runserver"] or apps.is_installed("daphne"):
        return []
    hint = 'Put "daphne" first in INSTALLED_APPS, or use `manage.py serve`.'
    return [Warning("runserver serves no sockets: pages will poll.", hint=hint, id="live.W003")]

"""What `manage.py check --deploy` refuses beyond Django's own list."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security, deploy=True)
def layer_reaches_every_process(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """An in-memory layer reaches only its own process: frames of other processes would never arrive."""
    backend = settings.CHANNEL_LAYERS["default"]["BACKEND"]
    if backend != "channels.layers.InMemoryChannelLayer":
        return []
    return [
        Error(
            "The in-memory channel layer serves one process only.",
            hint="Set REDIS_URL, so that every web and worker process hears every frame.",
            id="statusproj.E001",
        )
    ]

"""What `manage.py check` says of the settings of collecting."""

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured


@register()
def analyzer_can_be_asked(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Better told when a process starts than by every run."""
    from .analyzers.settings import configured_endpoint

    try:
        configured_endpoint()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="ingest.E001")]
    return []

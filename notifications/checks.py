"""What `manage.py check` tells somebody who installs this app: what is missing, and what to do."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import FieldDoesNotExist


@register
def people_have_names(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Notifications belong to people by their username."""
    user = get_user_model()
    try:
        if getattr(user._meta.get_field("username"), "unique", False):
            return []
    except FieldDoesNotExist:
        pass
    hint = "Give the user model a field `username` with unique=True; people may still sign in by something else."
    return [Error(f"{user.__name__} has no unique `username`.", hint=hint, id="notifications.E001")]

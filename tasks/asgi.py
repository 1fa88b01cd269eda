"""In the place of `django.core.asgi`: the same function, with the sockets of runs and notifications."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.core.asgi import get_asgi_application as get_django_application

if TYPE_CHECKING:
    from live.asgi import Application


def get_asgi_application(websocket_urlpatterns: Sequence[Any] = ()) -> "Application":
    """What ASGI_APPLICATION names. `websocket_urlpatterns`: routes of the project's own, looked at first."""
    http = get_django_application()  # first: it loads the apps that the imports below need
    from live.asgi import with_sockets

    from .routing import all_sockets

    return with_sockets(http, [*websocket_urlpatterns, *all_sockets])

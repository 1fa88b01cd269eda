"""The ASGI application: pages and API for HTTP, consumers for sockets. Runs under Daphne and uvicorn alike."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "statusproj.settings")
http_application = get_asgi_application()  # first: it loads the apps that the imports below need

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from live.consumer import RAW_SEND  # noqa: E402
from live.publishing import use_loop  # noqa: E402
from statusproj.routing import websocket_urlpatterns  # noqa: E402

_protocols = ProtocolTypeRouter(
    {
        "http": http_application,
        # No host validator here: LiveConsumer checks the full origin and can say why it refuses.
        "websocket": AuthMiddlewareStack(URLRouter(websocket_urlpatterns)),
    }
)


async def application(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Serve one connection. Its loop is the one frames leave from: Daphne has no lifespan to say so once."""
    use_loop(asyncio.get_running_loop())
    if scope["type"] == "websocket":
        scope = {**scope, RAW_SEND: send}
    await _protocols(scope, receive, send)

"""The ASGI application around Django's own: sockets beside pages, and frames that leave from the loop that serves."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter

from .consumer import RAW_SEND
from .publishing import use_loop

type Receive = Callable[[], Awaitable[dict[str, Any]]]
type Send = Callable[[dict[str, Any]], Awaitable[None]]
type Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]


def with_sockets(http: Any, websocket_urlpatterns: Sequence[Any]) -> Application:
    """`http` for pages, and these routes for sockets. Runs under Daphne and uvicorn alike."""
    # No host validator here: LiveConsumer checks the full origin and can say why it refuses.
    sockets = AuthMiddlewareStack(URLRouter([*websocket_urlpatterns]))
    protocols = ProtocolTypeRouter({"http": http, "websocket": sockets})

    async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        # The loop of each connection is the one frames leave from: Daphne has no lifespan to say so once.
        use_loop(asyncio.get_running_loop())
        if scope["type"] == "websocket":
            scope = {**scope, RAW_SEND: send}
        await protocols(scope, receive, send)

    application.has_live_sockets = True  # type: ignore[attr-defined]  # so that `manage.py check` can tell
    return application

"""The server side of publish.py: the real application, a stock Channels consumer beside it, a publisher for both."""

import asyncio
import os
import sys
import time
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "statusproj.settings")

from daphne.server import Server, twisted_loop  # isort: skip
from daphne.endpoints import build_endpoint_description_strings

from statusproj.asgi import application

from channels.generic.websocket import AsyncJsonWebsocketConsumer  # isort: skip
from channels.layers import get_channel_layer
from channels.routing import URLRouter
from django.urls import path

from live import frames
from live.publishing import publish, use_loop
from tasks.groups import run_group

INTERVAL = 0.15  # seconds between two frames: an idle server, one update at a time
STOCK_GROUP = "stock"


class StockConsumer(AsyncJsonWebsocketConsumer):
    """A consumer as the Channels tutorial writes it."""

    async def connect(self) -> None:
        """Join the group."""
        await self.channel_layer.group_add(STOCK_GROUP, self.channel_name)
        await self.accept()

    async def update(self, event: dict[str, Any]) -> None:
        """Send what was published."""
        await self.send_json(event["frame"])


class BareSocket:
    """No layer at all: what the server's own send costs."""

    sockets: set[Any] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Keep the socket until it closes."""
        await receive()
        await send({"type": "websocket.accept"})
        self.sockets.add(send)
        while (await receive())["type"] != "websocket.disconnect":
            pass
        self.sockets.discard(send)


STOCK = URLRouter([path("stock", StockConsumer.as_asgi()), path("bare", BareSocket())])


async def both(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Route to the contestant."""
    contestant = STOCK if scope["path"] in {"/stock", "/bare"} else application
    await contestant(scope, receive, send)


async def publish_in_turns(run_id: str) -> None:
    """One frame to each in turn, for ever, each carrying the moment it was published."""
    layer = get_channel_layer()
    seq = 1_000_000
    while True:
        await asyncio.sleep(INTERVAL)
        seq += 1
        frame = frames.job_update(run_id, seq=seq, status="progress", payload={"sent": time.perf_counter()})
        publish([run_group(run_id)], frame)
        await asyncio.sleep(INTERVAL)
        payload = {**frame, "sent": time.perf_counter()}
        await layer.group_send(STOCK_GROUP, {"type": "update", "frame": payload})
        await asyncio.sleep(INTERVAL)
        text = frames.encode({**frame, "sent": time.perf_counter()})
        for send in BareSocket.sockets:
            await send({"type": "websocket.send", "text": text})


def main() -> None:
    """Serve on the port given, publish for the run given."""
    port, run_id = int(sys.argv[1]), sys.argv[2]
    use_loop(twisted_loop)
    publisher = twisted_loop.create_task(publish_in_turns(run_id))
    endpoints = build_endpoint_description_strings(host="127.0.0.1", port=port)
    Server(application=both, endpoints=endpoints).run()
    publisher.cancel()


if __name__ == "__main__":
    main()

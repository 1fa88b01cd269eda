"""The server side of fanout.py: one contestant under one server, told over stdin what to publish.

Each line read is a job: {"updates": number, "interval": seconds}, or {} for the figures alone. Each is answered with
the CPU seconds this process has used so far.
"""

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "statusproj.settings")

PATH = "/ws/fanout"
GROUP = "fanout"
FILLING = {"progress": 41.5, "processed": 83, "total": 200, "stage": "analyzing", "message": "", "eta_seconds": 12}

type Publish = Callable[[dict[str, Any]], Awaitable[None]]


def ours(run_id: str) -> tuple[Any, Publish]:
    """The project's application; the frame goes to everybody who watches the run."""
    from live import frames
    from live.publishing import publish
    from statusproj.asgi import application
    from tasks.groups import run_group

    seqs = count(1_000_000)

    async def tell(payload: dict[str, Any]) -> None:
        frame = frames.job_update(run_id, seq=next(seqs), status="progress", payload=payload)
        publish([run_group(run_id)], frame)

    return application, tell


def stock(run_id: str) -> tuple[Any, Publish]:
    """A consumer as the Channels tutorial writes it, behind the same session, user and access check."""
    from channels.auth import AuthMiddlewareStack
    from channels.db import database_sync_to_async
    from channels.generic.websocket import AsyncJsonWebsocketConsumer
    from channels.layers import get_channel_layer
    from channels.routing import URLRouter
    from django.urls import path

    import statusproj.asgi  # noqa: F401 - the apps are loaded, and the same things imported
    from tasks.models import TaskRun

    def may_see(user: Any) -> bool:
        return TaskRun.objects.visible_to(user).filter(pk=run_id).exists()

    class StockConsumer(AsyncJsonWebsocketConsumer):
        """Joins the group, and sends what comes."""

        async def connect(self) -> None:
            """Join, if this user may see the run."""
            if not await database_sync_to_async(may_see)(self.scope["user"]):
                await self.close()
                return
            await self.channel_layer.group_add(GROUP, self.channel_name)
            await self.accept()
            await self.send_json({"type": "connected"})

        async def update(self, event: dict[str, Any]) -> None:
            """Send what was published."""
            await self.send_json(event["frame"])

    async def tell(payload: dict[str, Any]) -> None:
        frame = {"type": "job_update", "job_id": run_id, "seq": payload["n"], "status": "progress", **payload}
        await get_channel_layer().group_send(GROUP, {"type": "update", "frame": frame})

    return AuthMiddlewareStack(URLRouter([path(PATH[1:], StockConsumer.as_asgi())])), tell


def manager(run_id: str) -> tuple[Any, Publish]:
    """Starlette's connection manager as its tutorials write it: a list, and a send for each. No user, no layer."""
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from starlette.websockets import WebSocket, WebSocketDisconnect

    connected: list[WebSocket] = []

    async def serve(socket: WebSocket) -> None:
        await socket.accept()
        connected.append(socket)
        await socket.send_json({"type": "connected"})
        try:
            while True:
                await socket.receive_text()
        except WebSocketDisconnect:
            connected.remove(socket)

    async def tell(payload: dict[str, Any]) -> None:
        frame = {"type": "job_update", "job_id": run_id, "seq": payload["n"], "status": "progress", **payload}
        text = json.dumps(frame)
        for socket in list(connected):
            await socket.send_text(text)

    return Starlette(routes=[WebSocketRoute(PATH, serve)]), tell


async def publish_all(tell: Publish, updates: int, interval: float) -> None:
    """So many updates, evenly spaced, each carrying the moment it was published."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    for n in range(updates):
        await asyncio.sleep(max(0.0, start + n * interval - loop.time()))
        await tell({"n": n, **FILLING, "sent": time.perf_counter()})


def obey(loop: asyncio.AbstractEventLoop, tell: Publish) -> None:
    """Do what stdin says, one job after the other, on the server's loop."""
    for line in sys.stdin:
        job = json.loads(line)
        if job:
            asyncio.run_coroutine_threadsafe(publish_all(tell, job["updates"], job["interval"]), loop).result()
        print(json.dumps({"cpu": time.process_time()}), flush=True)
    os._exit(0)


def serve_with_daphne(application: Any, tell: Publish, port: int) -> None:
    """As `serve` does it."""
    from daphne.server import Server, twisted_loop  # isort: skip
    from daphne.endpoints import build_endpoint_description_strings

    threading.Thread(target=obey, args=(twisted_loop, tell), daemon=True).start()
    endpoints = build_endpoint_description_strings(host="127.0.0.1", port=port)
    Server(application=application, endpoints=endpoints, signal_handlers=False, websocket_handshake_timeout=60).run()


def serve_with_uvicorn(application: Any, tell: Publish, port: int) -> None:
    """On websockets' sans-io protocol."""
    import uvicorn

    async def run() -> None:
        threading.Thread(target=obey, args=(asyncio.get_running_loop(), tell), daemon=True).start()
        settings = {"ws": "websockets-sansio", "lifespan": "off", "log_level": "error", "backlog": 4096}
        await uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=port, **settings)).serve()

    asyncio.run(run())


def main() -> None:
    """Contestant, server, port and run come on the command line."""
    contestant, server, port, run_id = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    if server == "daphne":
        # Importing it installs Twisted's reactor: before anything else of the kind.
        import daphne.server  # noqa: F401
    application, tell = {"ours": ours, "stock": stock, "manager": manager}[contestant](run_id)
    {"daphne": serve_with_daphne, "uvicorn": serve_with_uvicorn}[server](application, tell, port)


if __name__ == "__main__":
    main()

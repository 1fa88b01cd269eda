"""From `publish()` in the server to a client's hand, one idle socket: ours beside a stock Channels consumer."""

import asyncio
import json
import os
import subprocess
import sys
import time

import websockets

from benchmarks.harness import Result, Row, listening, redis_server, scratch_database
from tools.fleet.services import free_port

SAMPLES = 150


def main() -> None:
    """Start the server on a scratch database, in one process and through Redis; listen to all contestants at once."""
    with scratch_database() as url, redis_server() as redis:
        run_id, cookie = _prepare()
        _measure("in-memory layer", "p50 at most 5 ms in process", "", url, run_id, cookie)
        if redis:
            _measure("Redis pub/sub", "p50 at most 10 ms through Redis", redis, url, run_id, cookie)


def _measure(layer: str, target: str, redis: str, url: str, run_id: str, cookie: str) -> None:
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.publish_server", str(port), run_id],
        env={**os.environ, "DATABASE_URL": url, "REDIS_URL": redis},
    )
    try:
        ours, stock, bare = asyncio.run(_listen(port, run_id, cookie))
    finally:
        server.terminate()
        server.wait()
    Result(
        key="publish_to_client_redis" if redis else "publish_to_client",
        title=f"Publish to client, one idle socket, {layer}, Daphne",
        unit="ms",
        rows=[
            Row(name="stock Channels consumer", samples=stock, is_baseline=True),
            Row(name="statusproj (hub, session and access checked)", samples=ours),
            Row(name="the server's bare send, no layer", samples=bare),
        ],
        target=target,
        packages=["channels", "channels-redis", "daphne", "websockets"],
    ).save()


def _prepare() -> tuple[str, str]:
    from django.contrib.auth.models import User
    from django.test import Client

    from benchmarks import functions

    owner = User.objects.create_user("bench", password="bench")
    client = Client()
    client.force_login(owner)
    return functions.start.using(owner=owner).enqueue().id, client.cookies["sessionid"].value


async def _listen(port: int, run_id: str, cookie: str) -> tuple[list[float], list[float], list[float]]:
    await listening(port, within=30)
    base = f"ws://127.0.0.1:{port}"
    headers = {"Cookie": f"sessionid={cookie}"}
    async with (
        websockets.connect(f"{base}/ws/bulk-process/{run_id}", additional_headers=headers) as ours,
        websockets.connect(f"{base}/stock") as stock,
        websockets.connect(f"{base}/bare") as bare,
    ):
        return await asyncio.gather(_samples_of(ours), _samples_of(stock), _samples_of(bare))


async def _samples_of(connection: websockets.ClientConnection) -> list[float]:
    samples: list[float] = []
    async for text in connection:
        received = time.perf_counter()  # the same monotonic clock in every process of this machine
        frame = json.loads(text)
        if "sent" in frame:
            samples.append((received - frame["sent"]) * 1000)
        if len(samples) == SAMPLES:
            break
    return samples


if __name__ == "__main__":
    main()

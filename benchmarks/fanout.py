"""One run watched by many sockets: cost and lateness of a delivered frame, memory of a socket, sockets opened a second.

Ours beside a stock Channels consumer, which checks session, user and access to the run as ours does but sends no
snapshot, and a plain Starlette connection manager, which checks nothing; each under Daphne and under uvicorn,
each in a server process of its own, in one run. The clients are a process that only counts (fanout_clients.py).
"""

import asyncio
import statistics
from contextlib import ExitStack
from dataclasses import dataclass, field
from uuid import UUID

import psutil

from benchmarks.harness import Helper, Result, Row, listening, redis_server, scratch_database
from tools.fleet.services import free_port

SIZES = (100, 500, 1000)
UPDATES = 20
INTERVAL = 0.1  # ten updates a second
REPEATS = 2  # at the largest size
SETTLE = 1.0  # seconds of peace before a figure is taken
SERVERS = ("daphne", "uvicorn")
NAMES = {
    ("ours", False): "statusproj (hub, session and access checked)",
    ("stock", False): "stock Channels consumer (session and access checked)",
    ("manager", False): "plain Starlette connection manager",
    ("ours", True): "statusproj, through Redis pub/sub",
    ("stock", True): "stock Channels consumer, through Redis pub/sub",
}


@dataclass
class Figures:
    """What was measured of one contestant under one server."""

    cost: dict[int, list[float]] = field(default_factory=dict)  # sockets: microseconds of server CPU per frame
    delays: list[float] = field(default_factory=list)  # ms, at the largest size
    memory: list[float] = field(default_factory=list)  # KB per idle socket
    connects: list[float] = field(default_factory=list)  # per second
    delivered: float = 1.0  # share of what was published, at the largest size
    client_share: float = 0.0  # of one core, while the server was measured


def main() -> None:
    """Measure every contestant under both servers."""
    with ExitStack() as stack:
        url = stack.enter_context(scratch_database())
        run_id, cookie = _prepare()
        redis = stack.enter_context(redis_server())
        for server in SERVERS:
            figures: dict[tuple[str, bool], Figures] = {}
            for contestant, through_redis in NAMES:
                if through_redis and not redis:
                    continue
                environment = {"DATABASE_URL": url, "LIVE_MAX_SOCKETS_PER_USER": "100000"}
                environment["REDIS_URL"] = redis if through_redis else ""
                path = f"/ws/bulk-process/{run_id}" if contestant == "ours" else "/ws/fanout"
                measured = _measure(contestant, server, run_id, path, cookie, environment)
                figures[contestant, through_redis] = measured
                print(f"  {server}, {NAMES[contestant, through_redis]}: {_words(measured)}", flush=True)
            _save(server, figures)


def _measure(contestant: str, server: str, run_id: str, path: str, cookie: str, environment: dict[str, str]) -> Figures:
    figures = Figures()
    port = free_port()
    serving = Helper("benchmarks.fanout_server", contestant, server, str(port), run_id, environment=environment)
    clients = Helper("benchmarks.fanout_clients", str(port), path, cookie)
    try:
        asyncio.run(listening(port, within=60, ended=lambda: serving.process.poll() is not None))
        clients.ask({"connect": 5})  # everything is imported and warm
        connected = 5
        weight = _weight(serving)
        for size in SIZES:
            seconds = clients.ask({"connect": size - connected})["seconds"]
            if size > SIZES[0]:
                figures.connects.append((size - connected) / seconds)
            connected = size
            if size == SIZES[-1]:
                figures.memory.append((_weight(serving) - weight) / (size - 5) / 1024)
            for _ in range(REPEATS if size == SIZES[-1] else 1):
                _publish(figures, serving, clients, size)
    finally:
        clients.end()
        serving.end()
    return figures


def _publish(figures: Figures, serving: Helper, clients: Helper, size: int) -> None:
    _peace()
    before = serving.ask({})
    start = clients.ask({"expect": UPDATES - 1})
    serving.ask({"updates": UPDATES, "interval": INTERVAL})
    heard = clients.ask({"hear": True})
    cpu = serving.ask({})["cpu"] - before["cpu"]
    assert not heard["lost"], "sockets were closed"
    figures.cost.setdefault(size, []).append(cpu / heard["frames"] * 1e6)
    if size == SIZES[-1]:
        figures.delays += [delay * 1000 for delay in heard["delays"]]
        figures.delivered = min(figures.delivered, heard["frames"] / UPDATES / size)
        share = (heard["cpu"] - start["cpu"]) / (heard["at"] - start["at"])
        figures.client_share = max(figures.client_share, share)


def _peace() -> None:
    asyncio.run(asyncio.sleep(SETTLE))


def _weight(serving: Helper) -> float:
    _peace()
    return float(psutil.Process(serving.process.pid).memory_info().rss)


def _words(figures: Figures) -> str:
    cost = ", ".join(f"{size}: {statistics.median(each):.0f}" for size, each in figures.cost.items())
    return (
        f"{cost} µs a frame; p50 {statistics.median(figures.delays):.0f} ms; {figures.memory[0]:.1f} KB a socket; "
        f"{statistics.median(figures.connects):.0f} connects/s; {figures.delivered:.0%} delivered; "
        f"clients {figures.client_share:.0%} of a core"
    )


def _save(server: str, figures: dict[tuple[str, bool], Figures]) -> None:
    title = {"daphne": "Daphne", "uvicorn": "uvicorn, websockets sans-io"}[server]
    packages = ["channels", "channels-redis", "starlette", server]
    for part, (what, unit, target) in {
        "cost": (f"Server CPU per delivered frame, {SIZES[-1]} sockets on one run", "µs", _COST_TARGET),
        "delays": (f"Lateness at ten updates a second, {SIZES[-1]} sockets", "ms", "at most the plain manager's"),
        "memory": ("Memory per idle socket", "KB", "at most 30 KB"),
        "connects": ("Sockets opened a second, 50 at once", "/s", "at least 0.7 of the stock consumer"),
    }.items():
        rows = []
        for key, measured in figures.items():
            samples = measured.cost[SIZES[-1]] if part == "cost" else getattr(measured, part)
            rows.append(Row(name=NAMES[key], samples=samples, is_baseline=key == ("stock", False)))
        Result(
            key=f"fanout_{server}_{part}",
            title=f"{what}, {title}",
            unit=unit,
            rows=rows,
            target=target,
            packages=packages,
            notes=_notes(figures) if part == "cost" else [],
        ).save()


_COST_TARGET = "at least 6 × less than the stock consumer, not more than the plain manager"


def _notes(figures: dict[tuple[str, bool], Figures]) -> list[str]:
    notes = []
    for key, measured in figures.items():
        costs = {size: statistics.median(each) for size, each in measured.cost.items()}
        sizes = ", ".join(f"{cost:.0f} µs with {size} sockets" for size, cost in costs.items())
        notes.append(
            f"{NAMES[key]}: {sizes}; {1e6 / costs[SIZES[-1]]:,.0f} frames a second and core; "
            f"{measured.delivered:.0%} of what was published arrived"
        )
    share = max(measured.client_share for measured in figures.values())
    return [*notes, f"The process of the clients used at most {share:.0%} of a core"]


def _prepare() -> tuple[str, str]:
    from django.contrib.auth.models import User
    from django.test import Client

    from benchmarks import functions
    from tasks import lifecycle

    owner = User.objects.create_user("bench", password="bench")
    client = Client()
    client.force_login(owner)
    run = functions.start.using(owner=owner).enqueue()
    # What sends progress is running, and what is running stands in no line.
    assert lifecycle.claim(UUID(run.id), 1, worker="benchmark:1:1") is not None
    return run.id, f"sessionid={client.cookies['sessionid'].value}"


if __name__ == "__main__":
    main()

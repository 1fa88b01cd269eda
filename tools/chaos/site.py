"""The installation that suffers: tools.fleet, with a link of our own before each service of each process."""

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tools.chaos.links import Dial, Link, Streams
from tools.fleet import Fleet

PATIENCE = 300.0  # seconds a start may take: no promise depends on the machine being quick
DRIVER = "driver"  # our own process: what it enqueues is cut off as well

# Judged sooner than by default, so that a frozen worker is presumed dead while a short chaos lasts.
TUNED = {
    "TASKS_HEARTBEAT_SECONDS": "1",
    "TASKS_DEAD_AFTER_SECONDS": "5",
    "TASKS_GRACE_SECONDS": "2",
    "NOTIFICATIONS_STORM_LIMIT": "1000000",  # one row for each final state, so that rows can be counted
    "LOG_FORMAT": "json",
    "LOG_LEVEL": "INFO",
}


class Site(Fleet):
    """Webs and workers that reach Postgres and Redis only through `links`: by process, then by service."""

    def __init__(self, folder: Path, *, webs: int, workers: int, concurrency: int = 4) -> None:
        self.links: dict[tuple[str, str], Link] = {}
        own = {**TUNED, "CHAOS_FOLDER": str(folder)}
        super().__init__(folder, webs=webs, workers=workers, concurrency=concurrency, environment=own)
        for service in self.services:
            service.patience = PATIENCE
        self.driver_environment = self.environment_of(DRIVER)

    def environment_of(self, name: str) -> Mapping[str, str]:
        """Addresses of links that are this process's alone."""
        postgres = self._link(name, "postgres", partial(_reach, self.postgres.url))
        database = urlsplit(self.postgres.url)
        user = f"{database.username}@" if database.username else ""
        options = "sslmode=disable&gssencmode=disable"
        addresses = {"DATABASE_URL": f"postgresql://{user}127.0.0.1:{postgres.port}{database.path}?{options}"}
        if self.redis is not None:
            redis = self._link(name, "redis", partial(_reach, self.redis.url))
            addresses["REDIS_URL"] = f"redis://127.0.0.1:{redis.port}/0"
        return {**self.environment, **addresses}

    def _link(self, name: str, service: str, dial: Dial) -> Link:
        self.links[name, service] = Link(f"{name} → {service}", dial)
        return self.links[name, service]

    async def open_links(self) -> None:
        """Before anything is started."""
        for link in self.links.values():
            await link.open()

    async def close_links(self) -> None:
        """After everything has ended."""
        for link in self.links.values():
            await link.close()

    def heal_links(self) -> None:
        """The network is whole again."""
        for link in self.links.values():
            link.heal()


async def _reach(url: str) -> Streams:
    """A connection to what listens at `url`, be it a port or a socket in a folder."""
    address = urlsplit(url)
    folder = parse_qs(address.query).get("host")
    if folder:
        return await asyncio.open_unix_connection(f"{folder[0]}/.s.PGSQL.5432")
    return await asyncio.open_connection(address.hostname, address.port or 5432)

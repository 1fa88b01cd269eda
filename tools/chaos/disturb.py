"""The plan carried out: each disturbance is done, said, and undone when its time is over."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence

import psutil

from tools.chaos.floods import flood
from tools.chaos.links import Link, Trouble
from tools.chaos.people import Person
from tools.chaos.plan import STORES, Deed, Disturbance
from tools.chaos.site import Site
from tools.fleet import Service

TROUBLES = {
    Deed.STALL: Trouble.STALL,
    Deed.CUT: Trouble.CUT,
    Deed.REFUSE: Trouble.REFUSE,
    Deed.NO_ANSWER: Trouble.NO_ANSWER,
}


class Disturber:
    """Does to `site` what the plan says. `flooder` is whose sockets flood it; `say` prints."""

    def __init__(self, site: Site, flooder: Person, say: Callable[[str], None]) -> None:
        self.done: Counter[str] = Counter()
        self.broken: list[str] = []
        self._site = site
        self._flooder = flooder
        self._say = say
        self._services = {service.name: service for service in site.services}
        self._busy: set[str] = set()

    async def run(self, plan: Sequence[Disturbance]) -> None:
        """All of it, each at its time. What could not be undone stands in `broken`."""
        begin = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for one in plan:
                await asyncio.sleep(max(0.0, begin + one.at - time.monotonic()))
                tasks.create_task(self._disturb(one))

    async def _disturb(self, one: Disturbance) -> None:
        process = one.target.split(" → ")[0]
        if one.flood is None:
            # A machine under load takes longer to undo things than the plan foresees.
            if self._is_too_much(process):
                self._say(f"    ({one.target} is spared: something else is not undone yet)")
                return
            self._busy.add(process)
        try:
            await self._do(one)
        finally:
            if one.flood is None:
                self._busy.discard(process)

    def _is_too_much(self, process: str) -> bool:
        if process in self._busy or (process in STORES and self._busy.intersection(STORES)):
            return True
        for among in (self._site.webs, self._site.workers):
            names = {service.name for service in among}
            if process in names and len(names & self._busy) >= len(names) - 1:
                return True
        return False

    async def _do(self, one: Disturbance) -> None:
        self._say(str(one))
        self.done[f"{_kind_of(one)} {one.deed}"] += 1
        try:
            if " → " in one.target:
                process, store = one.target.split(" → ")
                await self._harm(self._site.links[process, store], one)
            elif one.flood is not None:
                await flood(one.flood, self._url_of(one.target), self._flooder, one.lasts)
            elif one.target == "postgres":
                await self._disturb_postgres(one)
            else:
                await self._disturb_service(self._services[one.target], one)
        except Exception as error:
            self.broken.append(f"{one} could not be done or undone: {error!r}")
        self._say(f"    {one.target} is left in peace ({one.deed})")

    def _url_of(self, name: str) -> str:
        return next(web.url for web in self._site.webs if web.name == name)

    async def _harm(self, link: Link, one: Disturbance) -> None:
        link.harm(TROUBLES[one.deed])
        await asyncio.sleep(one.lasts)
        link.heal()

    async def _disturb_postgres(self, one: Disturbance) -> None:
        postgres = self._site.postgres
        match one.deed:
            case Deed.FREEZE:
                await asyncio.to_thread(postgres.freeze)
                await asyncio.sleep(one.lasts)
                await asyncio.to_thread(postgres.freeze, signal.SIGCONT)
                return
            case Deed.KILL:
                await asyncio.to_thread(postgres.kill)
            case _:
                await asyncio.to_thread(postgres.stop)
        await asyncio.sleep(one.lasts)
        await asyncio.to_thread(postgres.start)

    async def _disturb_service(self, service: Service, one: Disturbance) -> None:
        match one.deed:
            case Deed.FREEZE:
                # With its children, as a machine that sleeps: they would be no use as witnesses.
                frozen = service.family()
                _send(frozen, signal.SIGSTOP)
                await asyncio.sleep(one.lasts)
                _send(frozen, signal.SIGCONT)
                return
            case Deed.KILL:
                await asyncio.to_thread(service.kill)
            case _:
                await asyncio.to_thread(service.stop, within=60)
        await asyncio.sleep(one.lasts)
        await asyncio.to_thread(service.start)


def _send(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


def _kind_of(one: Disturbance) -> str:
    """Without its number, for counting."""
    return " → ".join(part.rstrip("-0123456789") for part in one.target.split(" → "))

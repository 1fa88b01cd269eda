"""Who may use a child next."""

import asyncio

import pytest

from ingest.collecting import turns
from ingest.collecting.turns import PAGES_ON_PROBATION, Owner, Turns


class Clock:
    """Time that passes when told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(turns.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Work:
    """Asks for turns in tasks of their own, and notes who got one, in order."""

    def __init__(self, places: int) -> None:
        self.turns = Turns(places)
        self.got: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.ends: list[asyncio.Event] = []

    async def ask(self, name: str, owner: Owner) -> asyncio.Task[None]:
        async def hold() -> None:
            async with self.turns.turn(owner):
                self.got.append(name)
                end = asyncio.Event()
                self.ends.append(end)
                await end.wait()

        task = asyncio.create_task(hold())
        self.tasks.append(task)
        await self.settle()
        return task

    async def end_oldest(self) -> None:
        self.ends.pop(0).set()
        await self.settle()

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_who_has_used_less_time_is_next_however_many_the_other_asks_for(clock: Clock) -> None:
    work, busy, modest = Work(1), Owner(), Owner()
    for number in range(4):
        await work.ask(f"busy {number}", busy)
    clock.now += 10
    for number in range(3):
        await work.ask(f"modest {number}", modest)
    for seconds in (0, 4, 4, 4, 1, 1):
        clock.now += seconds
        await work.end_oldest()
    # Eight seconds of the modest one's make up for the ten that the busy one had had.
    assert work.got == ["busy 0", "modest 0", "modest 1", "modest 2", "busy 1", "busy 2", "busy 3"]
    await work.stop()


async def test_a_newcomer_does_not_make_up_for_the_time_before_it_came(clock: Clock) -> None:
    work, old, new = Work(1), Owner(used=100), Owner()
    await work.ask("old 0", old)
    await work.ask("new 0", new)
    await work.ask("old 1", old)
    await work.ask("new 1", new)
    for _ in range(3):
        clock.now += 1
        await work.end_oldest()
    # Not all of the newcomer's first, as if its hundred seconds were still to come.
    assert (work.got[:2], sorted(work.got[2:])) == (["old 0", "new 0"], ["new 1", "old 1"])
    await work.stop()


async def test_on_probation_one_holds_one_place_and_gets_over_it(clock: Clock) -> None:
    work, poison = Work(3), Owner(probation=PAGES_ON_PROBATION)
    for number in range(3 + PAGES_ON_PROBATION):
        await work.ask(str(number), poison)
    assert len(work.got) == 1
    for _ in range(PAGES_ON_PROBATION - 1):
        await work.end_oldest()
    assert len(work.got) == PAGES_ON_PROBATION
    await work.end_oldest()
    assert len(work.got) == PAGES_ON_PROBATION + 3
    await work.stop()


async def test_a_turn_that_nobody_waits_for_any_more_goes_to_the_next(clock: Clock) -> None:
    work, one, other = Work(1), Owner(), Owner()
    await work.ask("first", one)
    gone = await work.ask("gone", one)
    await work.ask("next", other)
    gone.cancel()
    await work.settle()
    # Cancelled in the very moment in which it was given its turn:
    granted = await work.ask("granted", one)
    clock.now += 1
    work.ends.pop(0).set()
    await work.settle()
    granted.cancel()
    await work.settle()
    assert work.got == ["first", "next"]
    await work.end_oldest()
    await work.ask("last", one)
    assert work.got == ["first", "next", "last"]
    await work.stop()
    assert work.turns._free == [0]
    assert not work.turns._active

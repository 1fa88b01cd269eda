"""The analysis queue: places, back-pressure, errors, and nothing shared."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from ingest.collecting.verdicts import fail
from ingest.decisions import Failure
from ingest.queue import AnalysisQueue, AnalysisTask, QueueFull, TaskTimeout
from tests.servers import ROOT
from tests.waiting import eventually_async


def tasks(count: int) -> list[AnalysisTask]:
    return [AnalysisTask(url=f"https://example.org/{number}", topic="t") for number in range(count)]


async def fetch(task: AnalysisTask) -> str:
    return task.url


async def analyse(task: AnalysisTask, page: str) -> str:
    return page.upper()


class Gate:
    """Counts who is inside, and lets them go when told."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.inside = self.most = self.entered = 0

    async def through(self) -> None:
        self.inside += 1
        self.entered += 1
        self.most = max(self.most, self.inside)
        await self.open.wait()
        self.inside -= 1


async def settled(value: Callable[[], int]) -> int:
    """The value once it no longer changes while everybody has had their turn."""
    for _ in range(200):
        await asyncio.sleep(0)
    return value()


async def test_every_task_comes_back_once() -> None:
    async with AnalysisQueue(fetch, analyse) as queue:
        assert await queue.add_tasks(tasks(250)) == 250
        outcomes = await queue.wait_completion()
    assert sorted(outcome.task.url for outcome in outcomes) == sorted(task.url for task in tasks(250))
    assert all(outcome.result == outcome.task.url.upper() for outcome in outcomes)
    assert queue.get_progress() == {
        "progress": 100.0, "processed_items": 250, "total_items": 250, "current_item": tasks(250)[-1].url,
        "queued": 0, "fetching": 0, "analyzing": 0, "completed": 250, "failed": 0,
    }  # fmt: skip


async def test_three_are_analysed_while_twelve_are_fetched_at_most() -> None:
    fetching, analysing = Gate(), Gate()

    async def slow_fetch(task: AnalysisTask) -> str:
        await fetching.through()
        return task.url

    async def slow_analyse(task: AnalysisTask, page: str) -> str:
        await analysing.through()
        return page

    async with AnalysisQueue(slow_fetch, slow_analyse) as queue:
        await queue.add_tasks(tasks(60))
        await eventually_async(lambda: fetching.inside == 12)
        fetching.open.set()
        await eventually_async(lambda: analysing.inside == 3)
        assert await settled(lambda: fetching.entered) == 12 + 6 + 3
        assert queue.get_progress()["analyzing"] == 3
        analysing.open.set()
        assert len(await queue.wait_completion()) == 60
    assert (fetching.most, analysing.most) == (12, 3)


async def test_a_full_queue_makes_producers_wait_and_turns_others_away() -> None:
    gate = Gate()

    async def stuck(task: AnalysisTask) -> str:
        await gate.through()
        return task.url

    async with AnalysisQueue(stuck, analyse, max_queue_size=10, fetch_ahead=2) as queue:
        adding = asyncio.create_task(queue.add_tasks(tasks(20)))
        await eventually_async(lambda: gate.inside == 2)
        assert not await settled(adding.done)
        with pytest.raises(QueueFull):
            queue.offer(tasks(1)[0])
        gate.open.set()
        assert await adding == 20
        assert len(await queue.wait_completion()) == 20


@pytest.mark.parametrize("place", ["fetch", "analyse"])
async def test_a_task_that_fails_does_not_stop_the_others(place: str) -> None:
    def failing(name: str) -> Callable[..., Awaitable[str]]:
        async def step(task: AnalysisTask, *_page: str) -> str:
            if name == place and task.url.endswith("/3"):
                raise ValueError("three")
            return task.url

        return step

    async with AnalysisQueue(failing("fetch"), failing("analyse")) as queue:
        outcomes = [outcome async for outcome in queue.process(tasks(9))]
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    assert len(outcomes) == 9
    assert [(outcome.task.url, str(outcome.error)) for outcome in failed] == [("https://example.org/3", "three")]
    assert queue.get_progress()["failed"] == 1


async def test_outcomes_come_while_others_are_still_waiting() -> None:
    gate = Gate()

    async def first_only(task: AnalysisTask) -> str:
        if not task.url.endswith("/0"):
            await gate.through()
        return task.url

    async with AnalysisQueue(first_only, analyse) as queue:
        outcomes = queue.process(tasks(5))
        assert (await anext(outcomes)).task.url.endswith("/0")
        gate.open.set()
        assert len([outcome async for outcome in outcomes]) == 4


async def test_nothing_to_do_is_done_at_once() -> None:
    async with AnalysisQueue(fetch, analyse) as queue:
        assert [outcome async for outcome in queue.process([])] == []
        assert await queue.wait_completion() == []
        assert queue.get_progress()["progress"] == 0.0


async def test_what_is_there_when_time_is_up_is_handed_over() -> None:
    async def half(task: AnalysisTask) -> str:
        if int(task.url.rsplit("/", 1)[1]) % 2:
            await asyncio.Event().wait()
        return task.url

    async with AnalysisQueue(half, analyse) as queue:
        await queue.add_tasks(tasks(8))
        assert len(await queue.wait_completion(seconds=0.2)) == 4


async def test_a_slow_reader_slows_the_adding_down() -> None:
    taken = 0

    def endless() -> Iterator[AnalysisTask]:
        nonlocal taken
        for task in tasks(1000):
            taken += 1
            yield task

    async with AnalysisQueue(fetch, analyse, max_queue_size=10) as queue:
        outcomes = queue.process(endless())
        await anext(outcomes)
        assert await settled(lambda: taken) < 40
        await outcomes.aclose()


async def test_leaving_stops_what_is_under_way() -> None:
    gate = Gate()
    ended = []

    async def stuck(task: AnalysisTask) -> str:
        try:
            await gate.through()
        finally:
            ended.append(task)
        return task.url

    async with AnalysisQueue(stuck, analyse) as queue:
        await queue.add_tasks(tasks(5))
        await eventually_async(lambda: gate.inside == 5)
    assert len(ended) == 5


async def test_two_queues_share_nothing() -> None:
    async with AnalysisQueue(fetch, analyse) as one, AnalysisQueue(fetch, analyse) as two:
        await one.add_tasks(tasks(3))
        await one.wait_completion()
        assert one.get_progress()["total_items"] == 3
        assert two.get_progress()["total_items"] == 0


async def test_the_parts_bear_the_names_they_have_in_the_drawing() -> None:
    async with AnalysisQueue(fetch, analyse) as queue:
        assert (queue.max_concurrent, queue.max_queue_size) == (3, 100)
        assert (queue.task_queue.maxsize, len(queue.workers)) == (100, 3)
        await queue.add_tasks(tasks(2))
        await eventually_async(lambda: queue.result_queue.qsize() == 2)
        assert {"progress", "processed_items", "total_items", "current_item"} <= set(queue.get_progress())
    documented = (ROOT / "docs" / "collecting.md").read_text()
    for key in queue.get_progress():
        assert f"`{key}`" in documented, key


@pytest.mark.parametrize("place", ["fetch", "analyse"])
async def test_a_task_that_never_ends_is_given_up_and_its_neighbours_go_on(place: str) -> None:
    def stuck(name: str) -> Callable[..., Awaitable[str]]:
        async def step(task: AnalysisTask, *_page: str) -> str:
            if name == place and task.url.endswith("/3"):
                await asyncio.Event().wait()
            return task.url

        return step

    async with AnalysisQueue(stuck("fetch"), stuck("analyse"), seconds_per_task=0.2) as queue:
        outcomes = [outcome async for outcome in queue.process(tasks(9))]
    [failed] = [outcome for outcome in outcomes if outcome.error is not None]
    assert failed.task.url.endswith("/3")
    assert isinstance(failed.error, TaskTimeout)
    assert failed.error.fetching is (place == "fetch")
    assert "more than 0.2 s in all" in str(failed.error)
    assert fail(failed.error).failure == (Failure.TIMEOUT if place == "fetch" else Failure.ANALYSIS_TIMEOUT)


async def test_a_step_s_own_timeout_is_no_task_s_timeout() -> None:
    async def impatient(task: AnalysisTask) -> str:
        raise TimeoutError("its own")

    async with AnalysisQueue(impatient, analyse) as queue:
        await queue.add_tasks(tasks(1))
        [outcome] = await queue.wait_completion()
    assert type(outcome.error) is TimeoutError

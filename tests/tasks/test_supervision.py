"""Parts of a worker that end are started again."""

import asyncio

from tasks.supervision import FIRST_BACKOFF, WELL, Backoff, keep
from tasks.workers import MAX_TROUBLE, Vitals
from tests.waiting import eventually_async


def test_the_wait_doubles_up_to_the_longest_and_begins_anew_after_a_good_while() -> None:
    backoff = Backoff(longest=3)
    assert [backoff.after(0) for _ in range(4)] == [FIRST_BACKOFF, 1, 2, 3]
    assert backoff.after(WELL + 1) == FIRST_BACKOFF
    assert Backoff(longest=0.1).after(0) == 0.1


async def test_a_part_that_ends_is_started_again_however_it_ended() -> None:
    vitals, started = Vitals("host:1:1"), []

    async def part() -> None:
        started.append(len(started))
        match len(started):
            case 1:
                raise ValueError("no luck")
            case 2:
                return
            case _:
                await asyncio.Event().wait()

    keeper = asyncio.create_task(keep("part", part, vitals, longest=0.01))
    await eventually_async(lambda: len(started) == 3)
    assert (vitals.restarts, vitals.trouble) == (2, "part: ended without a reason")
    keeper.cancel()
    await asyncio.wait({keeper})
    assert keeper.cancelled(), "cancelling is no end that calls for another start"


async def test_what_is_said_of_trouble_is_short_and_tells_no_secrets() -> None:
    vitals = Vitals("host:1:1")
    vitals.restarted("listener", ConnectionError("cannot reach postgres://app:hunter2@db/prod\nline two" + "x" * 1000))
    assert vitals.trouble.startswith("listener: ConnectionError: cannot reach")
    assert "hunter2" not in vitals.trouble and "line two" not in vitals.trouble
    vitals.restarted("listener", ValueError("x" * 1000))
    assert len(vitals.trouble) == MAX_TROUBLE

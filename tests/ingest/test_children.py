"""Work in child processes."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import pytest

from ingest import children
from ingest.children import AnalysisError, in_child, one_run
from ingest.decisions import Failure
from tests.servers import ROOT


async def test_work_is_done_in_another_process() -> None:
    assert await in_child(os.getpid) != os.getpid()


async def test_what_the_function_raises_arrives() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await in_child(int, "x")


async def test_a_child_that_takes_too_long_is_killed_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "SECONDS", 0.5)
    with pytest.raises(AnalysisError) as killed:
        await in_child(time.sleep, 60)
    assert killed.value.code == Failure.ANALYSIS_TIMEOUT
    monkeypatch.setattr(children, "SECONDS", 30)
    assert await in_child(abs, -1) == 1


async def test_a_child_that_dies_is_replaced() -> None:
    with pytest.raises(AnalysisError) as died:
        await in_child(os.abort)
    assert died.value.code == Failure.ANALYSIS_CRASHED
    assert await in_child(abs, -1) == 1


async def test_a_child_that_needs_more_than_its_memory_gets_none() -> None:
    with pytest.raises(AnalysisError, match="it takes too much memory") as refused:
        await in_child(bytes, 2 * children.MEMORY)
    assert refused.value.code == Failure.ANALYSIS_CRASHED
    assert await in_child(abs, -1) == 1


async def test_who_is_cancelled_does_not_wait_for_the_child() -> None:
    await in_child(abs, -1)
    work = asyncio.create_task(in_child(time.sleep, 60))
    await asyncio.sleep(0)
    started = time.monotonic()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert time.monotonic() - started < 2
    assert await in_child(abs, -1) == 1


@pytest.mark.parametrize("end", [signal.SIGSEGV, signal.SIGKILL])
async def test_a_page_that_kills_its_child_takes_no_neighbour_with_it(end: signal.Signals) -> None:
    neighbours = [in_child(nap, 0.3, number) for number in range(6)]
    deaths = [in_child(die, end) for _ in range(3)]
    ended = await asyncio.gather(*neighbours, *deaths, return_exceptions=True)
    assert ended[:6] == list(range(6))
    assert [getattr(one, "code", one) for one in ended[6:]] == [Failure.ANALYSIS_CRASHED] * 3


async def test_one_run_s_poison_leaves_the_others_their_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "_size", lambda: 2)
    monkeypatch.setattr(children, "SECONDS", 1.0)
    ended: list[str] = []

    async def run(name: str, *work: Coroutine[Any, Any, Any]) -> None:
        async def one(job: Coroutine[Any, Any, Any]) -> None:
            with suppress(AnalysisError):
                await job
            ended.append(name)

        with one_run():
            await asyncio.gather(*map(one, work))

    await run("warm", in_child(abs, -1), in_child(abs, -1))
    pages = [in_child(nap, 60, 0) for _ in range(6)]
    poison = asyncio.create_task(run("poison", *pages))
    await asyncio.sleep(0)
    await run("good", *(in_child(nap, 0.02, number) for number in range(20)))
    # The first two poisonous pages held both children; from then on one at a time.
    assert ended.count("poison") <= 3
    poison.cancel()
    with suppress(asyncio.CancelledError):
        await poison


def nap(seconds: float, number: int) -> int:
    time.sleep(seconds)
    return number


def die(end: int) -> None:
    os.kill(os.getpid(), end)
    time.sleep(60)


def test_servers_and_workers_do_not_load_what_only_children_need() -> None:
    program = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'statusproj.settings'\n"
        "import django; django.setup()\n"
        "import statusproj.urls, tasks.routing, ingest.jobs\n"
        "print([name for name in ('trafilatura', 'numpy', 'py3langid') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert answer.stdout.strip() == "[]"


# The longest time that the loop did not get round, while the first child of a process is started.
SLOW_START = """
import asyncio, os, time
os.environ["DJANGO_SETTINGS_MODULE"] = "statusproj.settings"
import django; django.setup()
from ingest import children
children._PRELOAD = ["tests.ingest.slow_to_load"]

async def main():
    work = asyncio.create_task(children.in_child(abs, -1))
    longest, last = 0.0, time.monotonic()
    while not work.done():
        await asyncio.sleep(0.01)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    print(work.result(), longest)

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_a_worker_gives_signs_of_life_while_its_first_child_is_started() -> None:
    answer = subprocess.run([sys.executable, "-c", SLOW_START], capture_output=True, text=True, check=True, cwd=ROOT)
    result, longest = answer.stdout.split()
    assert result == "1"
    assert float(longest) < 3, "the loop stood still while the fork server loaded"

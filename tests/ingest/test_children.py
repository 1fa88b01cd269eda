"""Work in child processes."""

import asyncio
import os
import time

import pytest

from ingest import children
from ingest.children import AnalysisError, in_child
from ingest.decisions import Failure


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
    with pytest.raises(AnalysisError) as refused:
        await in_child(bytes, children.MEMORY + 1)
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

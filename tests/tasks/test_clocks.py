"""Functions that workers call every so often."""

import asyncio

import pytest
from pytest_django.fixtures import Settings

from tasks.clocks import keep_calling
from tests.waiting import eventually_async

calls: list[str] = []


def tick() -> None:
    calls.append("tick")


def fail() -> None:
    calls.append("fail")
    raise ValueError("no luck")


async def test_each_function_is_called_again_and_again_whatever_becomes_of_the_others(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    calls.clear()
    settings.TASKS_CLOCKS = {f"{__name__}.tick": 0.01, f"{__name__}.fail": 0.01, f"{__name__}.gone": 0.01}
    clocks = asyncio.create_task(keep_calling())
    await eventually_async(lambda: calls.count("tick") > 2 and calls.count("fail") > 2)
    assert not clocks.done()
    clocks.cancel()
    await asyncio.wait({clocks})
    assert clocks.cancelled()
    assert "fail could not look" in caplog.text and "gone could not look" in caplog.text

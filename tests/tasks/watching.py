"""Watching runs in tests: what a function reports, and what has been heard of it."""

import asyncio

from live.frames import Frame
from tasks.models import TaskRun
from tasks.progress import Progress
from tests.live.sockets import TestSocket


async def report(run: TaskRun, *, processed: int = 0, batches: int = 0, lines: int = 0) -> None:
    """What a function reports in one go, written by the production class."""
    progress = Progress(run, asyncio.get_running_loop())
    writer = asyncio.create_task(progress.keep_writing())
    progress.update(processed=processed, total=100, stage="working")
    for number in range(1, batches + 1):
        progress.batch(completed=number, total=batches, results=[{"item": number}])
    for number in range(lines):
        progress.log(f"line {number}")
    await progress.close(writer)


async def heard_so_far(socket: TestSocket) -> list[Frame]:
    """Everything sent before this moment: a ping is answered behind it."""
    await socket.send_to(text_data='{"type": "ping"}')
    return (await socket.until(lambda frame: frame["type"] == "pong"))[:-1]


def plain(frame: Frame) -> Frame:
    """Without what changes from one reading to the next."""
    return {key: value for key, value in frame.items() if key not in {"timestamp", "eta_seconds", "position"}}

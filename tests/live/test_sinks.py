"""What one socket gets when it is slow, busy, or spoken to too often."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from live import frames
from live.sinks import KEPT_LIMIT, PROGRESS_PER_SECOND, Outgoing, Sink
from tests.waiting import eventually_async


class Wire:
    """A socket's far end; while `blocked` it takes nothing."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, text: str) -> None:
        await self.open.wait()
        self.sent.append(json.loads(text))

    @property
    def seqs(self) -> list[int]:
        return [frame["seq"] for frame in self.sent]


def sink_on(send: Callable[[str], Awaitable[None]], overflowed: Callable[[], None] = lambda: None) -> Sink:
    sink = Sink(send, overflowed=overflowed)
    sink.release()
    return sink


def update(seq: int, status: str = "progress", job: str = "a") -> Outgoing:
    return Outgoing(frames.job_update(job, seq=seq, status=status))


async def settled(wire: Wire, count: int) -> None:
    await eventually_async(lambda: len(wire.sent) >= count)


async def test_an_idle_socket_has_the_frame_when_offer_returns() -> None:
    wire = Wire()
    sink_on(wire.send).offer(update(1))
    assert wire.seqs == [1]


async def test_a_busy_socket_gets_the_newest_progress_only() -> None:
    wire = Wire()
    sink = sink_on(wire.send)
    wire.open.clear()
    for seq in range(1, 101):
        sink.offer(update(seq))
    wire.open.set()
    await settled(wire, 2)
    assert wire.seqs == [1, 100]


async def test_a_busy_socket_loses_no_batch_log_or_final_frame() -> None:
    wire = Wire()
    sink = sink_on(wire.send)
    wire.open.clear()
    for seq, status in enumerate(["progress", "log", "progress", "batch_update", "progress", "log", "completed"], 1):
        sink.offer(update(seq, status))
    wire.open.set()
    await settled(wire, 5)
    assert [frame["status"] for frame in wire.sent] == ["progress", "log", "batch_update", "log", "completed"]
    assert wire.seqs == sorted(wire.seqs)


async def test_progress_never_overtakes_a_log_line_of_its_run() -> None:
    wire = Wire()
    sink = sink_on(wire.send)
    wire.open.clear()
    for seq, status in enumerate(["progress", "progress", "log", "progress"], 1):
        sink.offer(update(seq, status))
    wire.open.set()
    await settled(wire, 3)
    assert wire.seqs == [1, 3, 4]


async def test_an_older_frame_is_dropped() -> None:
    wire = Wire()
    sink = sink_on(wire.send)
    for seq in (5, 4, 5, 6):
        sink.offer(update(seq))
    assert wire.seqs == [5, 6]


async def test_runs_are_numbered_each_for_itself() -> None:
    wire = Wire()
    sink = sink_on(wire.send)
    sink.offer(update(5, job="a"))
    sink.offer(update(1, job="b"))
    assert wire.seqs == [5, 1]


async def test_a_socket_gets_at_most_ten_progress_frames_a_second() -> None:
    wire = Wire()
    sink = sink_on(wire.send)
    for seq in range(1, 200):
        sink.offer(update(seq))
    assert wire.seqs == list(range(1, PROGRESS_PER_SECOND + 1))
    await settled(wire, PROGRESS_PER_SECOND + 1)
    assert wire.seqs[-1] == 199


async def test_a_final_frame_does_not_wait_for_its_share_of_progress() -> None:
    wire = Wire()
    sink = sink_on(wire.send)
    for seq in range(1, 50):
        sink.offer(update(seq))
    sink.offer(update(50, "completed"))
    assert wire.sent[-1]["status"] == "completed"
    sink.offer(update(49))
    assert wire.seqs[-1] == 50


async def test_every_run_gets_its_turn_when_many_are_busy() -> None:
    wire = Wire()
    sink = sink_on(wire.send)
    jobs = [f"job-{number}" for number in range(30)]
    for seq in range(1, 6):
        for job in jobs:
            sink.offer(update(seq, job=job))
    await settled(wire, 30)
    assert {frame["job_id"] for frame in wire.sent} == set(jobs)


async def test_memory_per_socket_is_bounded_and_overflow_is_said() -> None:
    wire, overflows = Wire(), []
    sink = sink_on(wire.send, overflowed=lambda: overflows.append(1))
    wire.open.clear()
    for seq in range(1, KEPT_LIMIT + 3):
        sink.offer(update(seq, "log"))
    assert overflows == [1]
    assert len(sink._backlog) <= 1


async def test_a_flood_of_log_lines_is_bounded_even_when_the_server_never_waits() -> None:
    wire, overflows = Wire(), []
    sink = sink_on(wire.send, overflowed=lambda: overflows.append(1))
    for seq in range(1, 2000):
        sink.offer(update(seq, "log"))
    assert len(wire.sent) < 250
    assert overflows


async def test_one_blocked_socket_does_not_delay_another() -> None:
    blocked, free = Wire(), Wire()
    blocked.open.clear()
    sinks = [sink_on(blocked.send), sink_on(free.send)]
    for sink in sinks:
        sink.offer(update(1))
    assert (blocked.seqs, free.seqs) == ([], [1])


async def test_frames_wait_until_the_greeting_is_out() -> None:
    wire = Wire()
    sink = Sink(wire.send, overflowed=lambda: None)
    for seq in (3, 4):
        sink.offer(update(seq, "log"))
    sink.sent_directly(frames.job_update("a", seq=3, status="progress"))
    sink.release()
    assert wire.seqs == [4]


async def test_a_closed_socket_is_offered_nothing_and_a_broken_one_harms_nobody() -> None:
    async def broken(text: str) -> None:
        raise ConnectionError("gone")

    sink = sink_on(broken)
    sink.offer(update(1))
    sink.offer(update(2))
    assert not sink.wants(update(3))


async def test_an_unchanged_count_is_not_repeated() -> None:
    wire = Wire()
    sink = sink_on(wire.send)
    for count in (3, 3, 4, 4, 3):
        sink.offer(Outgoing(frames.unread_count(count)))
    assert [frame["unread_count"] for frame in wire.sent] == [3, 4, 3]


async def test_a_frame_is_encoded_once_however_many_sockets_there_are() -> None:
    item = update(1)
    assert item.text is item.text

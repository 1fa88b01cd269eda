"""What has arrived and is not handed out yet: of progress the newest, of everything else so much and no more."""

import asyncio
import json
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from hypothesis import given
from hypothesis import strategies as st

from live import database, delivery, fragments, frames, gaps, sources
from live.audience import Audience, Socket
from live.credentials import Credentials
from live.delivery import Delivery
from live.frames import Frame
from live.groups import Group
from live.hub import Hub
from live.sinks import Sink
from tests.live.sockets import Things, greeted, thing
from tests.waiting import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Listener:
    """A socket that takes everything at once."""

    heard: list[str]
    resets: list[bool]
    socket: Socket


def listener(audience: Audience, *keys: str, language: str = "") -> Listener:
    heard: list[str] = []
    resets: list[bool] = []

    async def take(text: str) -> None:
        heard.append(text)

    sink = Sink(take, language=language, overflowed=lambda: resets.append(True))
    sink.release()
    socket = Socket(sink, Credentials(1, "", ""), close=lambda code, reason: pytest.fail("nobody closes it"))
    audience.add(socket)
    audience.watch(socket, [thing(key) for key in keys])
    return Listener(heard, resets, socket)


async def idle(delivering: Delivery) -> None:
    """Everything has been handed out."""
    await eventually_async(lambda: all(worker.done() for worker in delivering._workers.values()))


async def test_of_a_flood_of_progress_each_socket_is_offered_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    audience = Audience()
    delivering, hearing = Delivery(audience), listener(audience, "one")
    offered = []
    offer = Sink.offer
    monkeypatch.setattr(Sink, "offer", lambda sink, item: (offered.append(item.seq), offer(sink, item)))
    for seq in range(10_000):
        delivering.put([thing("one").name], frames.job_update("one", seq=seq, status="progress"))
        assert len(delivering._inbox) <= 1
    await idle(delivering)
    assert offered == [9_999] and len(hearing.heard) == 1


async def test_more_than_the_inbox_holds_is_a_reset_for_those_it_was_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "INBOX_LIMIT", 50)
    audience = Audience()
    delivering = Delivery(audience)
    one, two, three = (listener(audience, key) for key in ("one", "two", "three"))
    delivering.put([thing("two").name], frames.job_update("two", seq=1, status="log"))
    for seq in range(1, 101):
        delivering.put([thing("one").name], frames.job_update("one", seq=seq, status="log"))
        assert len(delivering._inbox) <= 50
    await idle(delivering)
    assert (len(one.resets), len(two.resets), len(three.resets)) == (1, 1, 0)


async def test_a_socket_whose_frames_were_dropped_from_the_inbox_is_sent_the_truth(
    owner: User, fresh_things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "INBOX_LIMIT", 50)
    socket = await greeted(owner)
    for seq in range(1, 52):
        Hub.here().delivery.put([thing("one").name], fresh_things.say("one", seq, "log"))
    reset, truth = await socket.next(), await socket.next()
    assert (reset["type"], truth["seq"]) == ("reset", 51)


@given(
    arriving=st.lists(
        st.tuples(
            st.sampled_from(["one", "two"]), st.sampled_from(["progress", "log", "batch_update", "log", "completed"])
        ),
        max_size=60,
    )
)
async def test_whatever_arrives_in_one_go_what_may_not_be_skipped_comes_in_order_and_the_newest_last(
    arriving: list[tuple[str, str]],
) -> None:
    audience = Audience()
    delivering, hearing = Delivery(audience), listener(audience, "one", "two")
    sent = [
        frames.job_update(key, seq=seq, status=status, payload={})
        for seq, (key, status) in enumerate(arriving, start=1)
    ]
    for frame in sent:
        delivering.put([thing(frame["job_id"]).name], frame)
    await idle(delivering)
    for key in ("one", "two"):
        mine = [frame for frame in sent if frame["job_id"] == key]
        heard = [text for text in hearing.heard if f'"job_id":"{key}"' in text]
        kept = [frames.encode(frame) for frame in mine if frame["status"] != "progress"]
        assert [text for text in heard if '"status":"progress"' not in text] == kept
        if mine:
            # A frame that covers progress may stand for the progress before it.
            assert heard[-1] == frames.encode(mine[-1])


@pytest.fixture
def busy_thread() -> Iterator[threading.Event]:
    """The hub's database thread has something else to do until this is set."""
    done = threading.Event()
    database._executor.submit(done.wait, 10)
    yield done
    done.set()


@pytest.fixture
def personal_news() -> Iterator[list[int]]:
    """Frames of type `word` are made personal; so many at a time."""
    together = []

    def personalize(asked: Sequence[tuple[Frame, Collection[Group]]]) -> list[list[tuple[Group, Frame]]]:
        together.append(len(asked))
        return [[(group, frame | {"to": group.key}) for group in groups] for frame, groups in asked]

    sources.personal("word", "thing", personalize)
    yield together
    del sources._personalizers["word"]


async def test_personal_news_that_arrives_while_the_database_is_busy_comes_whole_and_in_order(
    busy_thread: threading.Event, personal_news: list[int]
) -> None:
    audience = Audience()
    delivering, hearing = Delivery(audience), listener(audience, "one")
    for number in range(90):
        delivering.put([thing("one").name], {"type": "word", "number": number})
    await eventually_async(lambda: not delivering._inbox)
    busy_thread.set()
    await idle(delivering)
    assert hearing.heard == [frames.encode({"type": "word", "number": n, "to": "one"}) for n in range(90)]
    assert len(personal_news) < 10 and sum(personal_news) == 90


async def test_whose_personal_news_is_too_much_to_keep_is_told_to_read_again(
    busy_thread: threading.Event, personal_news: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "WAITING_LIMIT", 50)
    audience = Audience()
    delivering = Delivery(audience)
    one, two = listener(audience, "one"), listener(audience, "two")
    for number in range(delivery.AT_ONCE + 60):
        delivering.put([thing("one").name], {"type": "word", "number": number})
        await asyncio.sleep(0)
    await eventually_async(lambda: not delivering._inbox)
    busy_thread.set()
    await idle(delivering)
    assert (len(one.resets), len(two.resets)) == (1, 0)


async def test_what_arrives_while_something_is_drawn_is_drawn_together(busy_thread: threading.Event) -> None:
    together = []

    def render(several: Sequence[Frame]) -> list[str]:
        together.append(len(several))
        return [f"<p>{frame['seq']}</p>" for frame in several]

    fragments.register("job_update", render)
    audience = Audience()
    delivering, hearing = Delivery(audience), listener(audience, "one", language="en")
    for seq in range(60):
        delivering.put([thing("one").name], frames.job_update("one", seq=seq, status="log"))
    await eventually_async(lambda: not delivering._inbox)
    busy_thread.set()
    await idle(delivering)
    assert hearing.heard == [f"<p>{seq}</p>" for seq in range(60)]
    assert len(together) < 10


async def test_of_a_job_that_began_unheard_a_re_read_tells_everything_but_not_to_who_is_being_greeted() -> None:
    audience = Audience()
    delivering, hearing = Delivery(audience), listener(audience, "one")
    read = [(thing("one"), frames.job_update("one", seq=3, status="completed"))]
    assert delivering.behind(read) == {"one": -1}
    hearing.socket.sink.hold()
    assert delivering.behind(read) == {}
    hearing.socket.sink.release()
    hearing.socket.sink.knows("one", 2)
    assert delivering.behind(read) == {"one": 2}


@pytest.fixture
def written() -> Iterator[dict[str, list[Frame]]]:
    """What the database has of batches and lines, by job."""
    stored: dict[str, list[Frame]] = {}

    def recorded(after: Mapping[str, int]) -> list[Frame]:
        return [frame for job, seq in after.items() for frame in stored.get(job, []) if frame["seq"] > seq]

    sources.history(recorded)
    yield stored
    sources._recorded.remove(recorded)


def seqs(hearing: Listener) -> list[int]:
    return [json.loads(text)["seq"] for text in hearing.heard]


async def test_a_line_that_was_lost_is_read_when_the_next_frame_shows_the_gap(written: dict[str, list[Frame]]) -> None:
    audience = Audience()
    delivering, hearing = Delivery(audience), listener(audience, "one")
    all_of_it = [frames.job_update("one", seq=seq, status="log") for seq in range(4)]
    written["one"] = [all_of_it[1], all_of_it[2]]
    delivering.put([thing("one").name], all_of_it[0])
    delivering.put([thing("one").name], all_of_it[3])
    await idle(delivering)
    assert seqs(hearing) == [0, 1, 2, 3]
    # It only came late; and from now on nothing is missing.
    delivering.put([thing("one").name], all_of_it[2])
    delivering.put([thing("one").name], frames.job_update("one", seq=4, status="completed"))
    assert delivering._gaps.open == {}
    await idle(delivering)
    assert seqs(hearing) == [0, 1, 2, 3, 4]


async def test_lines_that_their_publisher_left_out_are_no_gap(written: dict[str, list[Frame]]) -> None:
    audience = Audience()
    delivering, hearing = Delivery(audience), listener(audience, "one")
    delivering.put([thing("one").name], frames.job_update("one", seq=1, status="progress"))
    delivering.put([thing("one").name], frames.job_update("one", seq=12, status="log", payload={"skipped": 10}))
    assert delivering._gaps.open == {}
    await idle(delivering)
    assert seqs(hearing) == [1, 12]


async def test_a_gap_after_what_a_greeting_told_is_seen(written: dict[str, list[Frame]]) -> None:
    audience = Audience()
    delivering, hearing = Delivery(audience), listener(audience, "one")
    hearing.socket.sink.knows("one", 4)
    written["one"] = [frames.job_update("one", seq=seq, status="log") for seq in (3, 5)]
    delivering.put([thing("one").name], frames.job_update("one", seq=6, status="progress"))
    await idle(delivering)
    assert seqs(hearing) == [5, 6]


async def test_a_database_that_is_away_holds_nothing_up(caplog: pytest.LogCaptureFixture) -> None:
    def away(after: Mapping[str, int]) -> list[Frame]:
        raise OperationalError("the connection is refused")

    sources.history(away)
    audience = Audience()
    delivering, hearing = Delivery(audience), listener(audience, "one")
    for seq in (0, 5, 6):
        delivering.put([thing("one").name], frames.job_update("one", seq=seq, status="log"))
    await idle(delivering)
    sources._recorded.remove(away)
    assert seqs(hearing) == [0, 5, 6] and "could not be read" in caplog.text


async def test_more_than_may_wait_for_a_gap_goes_on_without(
    busy_thread: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gaps, "HELD_BACK", 10)
    audience = Audience()
    delivering, hearing = Delivery(audience), listener(audience, "one")
    for seq in (0, *range(2, 30)):
        delivering.put([thing("one").name], frames.job_update("one", seq=seq, status="log"))
    busy_thread.set()
    await idle(delivering)
    assert seqs(hearing) == [0, *range(2, 30)]


@given(
    kinds=st.lists(st.sampled_from(["progress", "log", "batch_update"]), min_size=1, max_size=40),
    lost=st.sets(st.integers(1, 40)),
    pauses=st.sets(st.integers(1, 40)),
)
async def test_whatever_is_lost_on_its_way_batches_and_lines_are_heard_once_and_in_order(
    kinds: list[str], lost: set[int], pauses: set[int]
) -> None:
    stored: list[Frame] = []

    def recorded(after: Mapping[str, int]) -> list[Frame]:
        return [frame for frame in stored if frame["status"] != "progress" and frame["seq"] > after["one"]]

    sources.history(recorded)
    audience = Audience()
    delivering, hearing = Delivery(audience), listener(audience, "one")
    for seq, kind in enumerate(["log", *kinds, "completed"]):
        stored.append(frames.job_update("one", seq=seq, status=kind))
        # The first and the last arrive: without them it is the re-read that tells.
        if seq not in lost or kind == "completed":
            delivering.put([thing("one").name], stored[-1])
        if seq in pauses:
            await idle(delivering)
    await idle(delivering)
    sources._recorded.remove(recorded)
    told = [frame["seq"] for frame in stored if frame["status"] != "progress"]
    heard = [json.loads(text) for text in hearing.heard]
    assert [frame["seq"] for frame in heard if frame["status"] != "progress"] == told
    assert [frame["seq"] for frame in heard] == sorted({frame["seq"] for frame in heard})

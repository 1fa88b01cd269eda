"""Any interleaving of events, losses, drops and resumes: what the client holds and the frames make a fresh read."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.contrib.auth.models import User
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from live import watchdog
from live.frames import Frame
from live.hub import Hub
from tasks import consumers, lifecycle, live_sources
from tasks.groups import owner_group, run_group
from tasks.models import TaskEvent, TaskRun
from tasks.states import Status
from tasks.updates import frame_of, frames_of
from tests.live.isolation import clean_live_state
from tests.live.sockets import TestSocket, greeted
from tests.tasks.runs import make_run_in
from tests.tasks.watching import heard_so_far, plain, report
from tests.waiting import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def live_state(engine_tables: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No layer, loop or hub of an earlier test; and nothing is on its way when a test here looks."""
    monkeypatch.setattr(watchdog, "IN_FLIGHT", 0)
    yield from clean_live_state()


class UnreliableLayer(InMemoryChannelLayer):
    """A layer that loses messages while told to, or delivers them late, newest first, and twice."""

    losing = False
    late: list[tuple[str, dict[str, Any]]] | None = None

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send, or not, or later."""
        if self.late is not None:
            self.late.append((group, message))
        elif not self.losing:
            await super().group_send(group, message)

    async def deliver_what_is_late(self) -> None:
        """Backwards, everything twice."""
        late, UnreliableLayer.late = self.late or [], None
        for group, message in reversed(late):
            for _ in range(2):
                await super().group_send(group, message)


@pytest.fixture
def unreliable_layer(settings: Settings) -> None:
    """One layer for all examples, as there is one hub; re-reads come when the test says so."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": f"{__name__}.UnreliableLayer"}}
    settings.LIVE_RECONCILE_SECONDS = 3600


class Person:
    """A client as docs/frames.md tells it to be: the newest frame by seq is where the run stands."""

    def __init__(self) -> None:
        self.present: Frame = {}
        self.history: dict[int, Frame] = {}
        self.seq = 0

    def hear(self, heard: list[Frame]) -> None:
        """Take in what came."""
        for frame in heard:
            if frame["type"] == "reset":
                self.history.clear()
                self.present, self.seq = {}, 0
            if frame["type"] != "job_update":
                continue
            self.history[frame["seq"]] = frame
            if frame["seq"] >= self.seq:
                self.seq = frame["seq"]
                # A log line says nothing of where the run stands.
                self.present = self.present if frame["status"] == "log" else frame


class Work:
    """What happens to one run: a step at a time, if its state allows it."""

    STEPS = ("report", "batch", "log", "burst", "back in line", "cancel", "finish")

    def __init__(self, run: TaskRun) -> None:
        self.pk = run.pk
        self._done = 0

    async def do(self, step: str) -> None:
        """One step; of a run that waits: its claim instead."""
        run = await TaskRun.objects.aget(pk=self.pk)
        if run.status == Status.PENDING:
            claimed = await sync_to_async(lifecycle.claim)(run.pk, run.attempt, worker=uuid.uuid4().hex)
            assert claimed is not None
            self._done = 0
        elif run.status == Status.RUNNING:
            self._done = min(self._done + 7, 100)
            await self._advance(run, step)

    async def _advance(self, run: TaskRun, step: str) -> None:
        match step:
            case "report":
                await report(run, processed=self._done)
            case "batch":
                await report(run, processed=self._done, batches=1)
            case "log":
                await report(run, processed=self._done, lines=1)
            case "burst":
                await report(run, processed=self._done, batches=2, lines=3)
            case "back in line":
                await sync_to_async(lifecycle.release)(run)
            case "cancel":
                await sync_to_async(lifecycle.cancel)(run)
            case "finish" if run.is_cancelling:
                await sync_to_async(lifecycle.confirm_cancelled)(run)
            case "finish":
                await sync_to_async(lifecycle.complete)(run, {"done": self._done})


async def happen_to_the_network(step: str) -> None:
    """Losses, delays and what heals them."""
    layer = get_channel_layer()
    assert isinstance(layer, UnreliableLayer)
    match step:
        case "lose":
            UnreliableLayer.losing = True
        case "delay":
            UnreliableLayer.late = UnreliableLayer.late or []
        case "deliver":
            await layer.deliver_what_is_late()
        case "heal":
            UnreliableLayer.losing = False
            await Hub.here().watchdog.look()


async def all_is_told() -> None:
    """The network is well, a re-read has happened, nothing waits for a socket's share of a second, and every socket
    that was told to forget has its snapshot."""
    UnreliableLayer.losing = False
    await happen_to_the_network("deliver")
    await Hub.here().watchdog.look()
    await eventually_async(lambda: not any(len(each.sink._backlog) or each.sink._holds for each in Hub.here().sockets))


NETWORK = ("lose", "delay", "deliver", "heal")


@hypothesis_settings(max_examples=40)
@given(steps=st.lists(st.sampled_from([*Work.STEPS, *NETWORK, "drop", "resume"]), max_size=14), resumes=st.booleans())
async def test_what_a_client_of_one_run_holds_and_frames_make_a_fresh_read(
    owner: User, unreliable_layer: None, steps: list[str], resumes: bool
) -> None:
    UnreliableLayer.losing, UnreliableLayer.late = False, None
    run = await sync_to_async(make_run_in)(Status.RUNNING, owner)
    work, person, address = Work(run), Person(), f"/ws/bulk-process/{run.pk}"
    socket = await greeted(owner, f"{address}?since=0")
    for step in steps:
        match step:
            case "drop":
                # What was on its way is lost with the connection.
                await socket.disconnect()
                socket = await greeted(owner, f"{address}?since={person.seq}" if resumes else address)
            case "resume":
                person.hear(await heard_so_far(socket))
                await socket.send_to(text_data=json.dumps({"type": "resume", "since": person.seq}))
            case _ if step in NETWORK:
                await happen_to_the_network(step)
            case _:
                await work.do(step)
    await all_is_told()
    person.hear(await heard_so_far(socket))
    fresh = await TaskRun.objects.aget(pk=run.pk)
    assert plain(person.present) == plain(await sync_to_async(frame_of)(fresh)), "what is shown is true"

    # And whoever wants every line of it gets every line of it.
    await socket.send_to(text_data='{"type": "resume", "since": 0}')
    person.hear(await heard_so_far(socket))
    kept = {event.seq: event.data async for event in fresh.events.exclude(kind=TaskEvent.Kind.STATE)}
    told = {seq: frame for seq, frame in person.history.items() if frame["status"] in {"batch_update", "log"}}
    assert told.keys() == kept.keys()
    for seq, frame in told.items():
        assert frame.items() >= {k: v for k, v in kept[seq].items() if k != "eta_seconds"}.items()
    await socket.disconnect()


@hypothesis_settings(max_examples=40)
@given(steps=st.lists(st.sampled_from([*Work.STEPS, *NETWORK]), max_size=14))
@example(steps=["lose", "log", "heal", "report"])
@example(steps=["delay", "batch", "report", "log", "deliver"])
async def test_who_stays_connected_hears_every_batch_and_line_whatever_is_lost_or_late(
    owner: User, unreliable_layer: None, steps: list[str]
) -> None:
    UnreliableLayer.losing, UnreliableLayer.late = False, None
    run = await sync_to_async(make_run_in)(Status.RUNNING, owner)
    work, person = Work(run), Person()
    socket = await greeted(owner, f"/ws/bulk-process/{run.pk}")
    for step in steps:
        await (happen_to_the_network(step) if step in NETWORK else work.do(step))
    await all_is_told()
    person.hear(await heard_so_far(socket))
    kept = [event.seq async for event in run.events.exclude(kind=TaskEvent.Kind.STATE).order_by("seq")]
    assert [seq for seq, frame in person.history.items() if frame["status"] in {"batch_update", "log"}] == kept
    await socket.disconnect()


class Observer:
    """A client of a topic's socket, and of single runs besides: for each run it hears of, the newest frame by seq."""

    def __init__(self) -> None:
        self.runs: dict[str, Person] = {}

    def hear(self, heard: list[Frame]) -> None:
        """Take in what came."""
        for frame in heard:
            if frame["type"] == "reset":
                self.runs.clear()
            if frame["type"] == "job_update":
                self.runs.setdefault(frame["job_id"], Person()).hear([frame])

    @property
    def present(self) -> dict[str, Frame]:
        """Where each run stands, as far as this client knows."""
        return {job: plain(person.present) for job, person in self.runs.items() if person.present}


TOPIC = ("news", "news", "")  # of three runs two are of the topic that is watched


async def say(socket: TestSocket, what: str, job: uuid.UUID) -> None:
    await socket.send_to(text_data=json.dumps({"type": what, "job_id": str(job)}))


@hypothesis_settings(max_examples=30)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.sampled_from(Work.STEPS), st.integers(0, len(TOPIC) - 1)),
            st.sampled_from([*NETWORK, "drop", "reset", "hear", "subscribe_job", "unsubscribe_job", "get_status"]),
        ),
        max_size=16,
    )
)
@example(steps=[("finish", 0), "drop"])
@example(steps=["subscribe_job", ("finish", 2), "hear", "reset"])
async def test_what_a_client_of_several_runs_holds_and_frames_make_a_fresh_read(
    owner: User, unreliable_layer: None, steps: list[Any]
) -> None:
    UnreliableLayer.losing, UnreliableLayer.late = False, None
    runs = [await sync_to_async(make_run_in)(Status.RUNNING, owner, topic=topic) for topic in TOPIC]
    works, observer, subscribed = [Work(run) for run in runs], Observer(), False
    of_topic, other = [run.pk for run in runs[:2]], runs[2].pk
    socket = await greeted(owner, "/ws/progress/news")
    for step in steps:
        match step:
            case str(happening), int(which):
                await works[which].do(happening)
            case "drop":
                await socket.disconnect()
                socket = await greeted(owner, "/ws/progress/news")
                if subscribed:
                    await say(socket, "subscribe_job", other)
            case "reset":
                # What a sink does when too much that may not be skipped waits for its socket.
                for each in Hub.here().sockets:
                    each.sink.lose()
            case "hear":
                observer.hear(await heard_so_far(socket))
            case "subscribe_job" | "unsubscribe_job":
                subscribed = step == "subscribe_job"
                await say(socket, step, other)
            case "get_status":
                await socket.send_to(text_data='{"type": "get_status"}')
            case _:
                await happen_to_the_network(step)
    await all_is_told()
    observer.hear(await heard_so_far(socket))
    wanted = {*of_topic, other} if subscribed else set(of_topic)
    fresh = [run async for run in TaskRun.objects.filter(pk__in=wanted)]
    told = {frame["job_id"]: plain(frame) for frame in await sync_to_async(frames_of)(fresh)}
    assert {job: frame for job, frame in observer.present.items() if job in told} == told
    await socket.disconnect()


async def test_one_socket_watches_so_many_single_runs_and_no_more(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "MOST_SUBSCRIBED", 1)
    first, second = [await sync_to_async(make_run_in)(Status.RUNNING, owner) for _ in range(2)]
    socket = await greeted(owner, "/ws/progress/news")
    for run in (first, first, second):
        await say(socket, "subscribe_job", run.pk)
    heard = await heard_so_far(socket)
    assert [frame["type"] for frame in heard] == ["subscribed", "job_update", "subscribed", "job_update", "error"]
    assert heard[-1]["code"] == "too_many"
    await say(socket, "unsubscribe_job", first.pk)
    await say(socket, "subscribe_job", second.pk)
    assert (await heard_so_far(socket))[-1]["job_id"] == str(second.pk)


def test_of_too_many_runs_what_runs_is_read_first_and_what_ended_or_is_watched_alone_always(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_sources, "MOST_RUNS", 2)
    old_and_running = make_run_in(Status.RUNNING, owner)
    alone, *_ = [make_run_in(Status.COMPLETED, owner) for _ in range(3)]
    group = owner_group(owner.pk)
    waiting = [make_run_in(Status.PENDING, owner) for _ in range(3)]
    # A line that is longer than a look does not hide who has ended: an end that was missed is told.
    told = [frame["job_id"] for _, frame in live_sources.reread([group])]
    assert len(told) == 6 and str(alone.pk) in told
    TaskRun.objects.filter(pk__in=[run.pk for run in waiting]).delete()
    assert old_and_running.pk in {run.pk for run in live_sources.snapshot_runs(group)}
    assert str(old_and_running.pk) in {frame["job_id"] for _, frame in live_sources.reread([group])}
    singles = [run_group(run.pk) for run in TaskRun.objects.all()]
    assert len({frame["job_id"] for _, frame in live_sources.reread(singles)}) == 4
    assert alone.pk in {run.pk for run in live_sources.snapshot_runs(group, [alone.pk])}

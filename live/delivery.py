"""From a frame that has arrived to the sinks of all who watch: once per process, newest first where only that counts.

What arrives waits in an inbox until the loop comes round, and of a run's progress only the newest: a flood costs each
socket one look a round instead of one a message. Everything here runs on the hub's loop; templates and queries run
in the hub's database thread.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any

from . import fragments, frames, sources
from .audience import Audience
from .database import in_database_thread
from .frames import Frame
from .gaps import Gaps
from .groups import Group
from .known import Known
from .sinks import Backlog, Outgoing
from .traffic import TRAFFIC

logger = logging.getLogger(__name__)

INBOX_LIMIT = 5000  # frames that have arrived and wait to be handed out
REMEMBERED_RUNS = 10_000
WAITING_LIMIT = 1000  # frames waiting to be rendered or counted
AT_ONCE = 20  # of these with one visit to the database thread: re-reads, and sockets that open, wait behind it
PASSED_OVER = "A frame could not be prepared and is passed over."


class Delivery:
    """Hands frames to the sockets of this process."""

    def __init__(self, audience: Audience) -> None:
        self._audience = audience
        self._inbox = Backlog()
        self._held = Known(REMEMBERED_RUNS)
        self._to_render = Backlog()
        self._to_personalize: OrderedDict[object, Outgoing] = OrderedDict()
        self._gaps = Gaps(self._known)
        self._workers: dict[str, asyncio.Task[None]] = {}

    def put(self, names: Iterable[str], frame: Frame) -> None:
        """`frame` has arrived for these groups: hand it out in a moment, or what is newer by then."""
        item = Outgoing(frame, names=tuple(names))
        if not self._gaps.hold_back(item):
            self._accept(item)
        elif self._gaps.is_full:
            for late in list(self._gaps.close(self._gaps.open)):
                self._accept(late)
        else:
            self._start("fill gaps", self._fill_gaps)

    def _accept(self, item: Outgoing) -> None:
        self._inbox.add(item)
        if len(self._inbox) > INBOX_LIMIT:
            self._lose_inbox()
        else:
            self._start("deliver", self._deliver_all)

    def has_news(self, addressed: Iterable[tuple[Group, Frame]]) -> bool:
        """Is there anything in this re-read that nobody here has been told?"""
        items = (Outgoing(frame) for _, frame in addressed)
        return any(item.job and item.seq is not None and not self._held.covers(item.job, item.seq) for item in items)

    def behind(self, addressed: Iterable[tuple[Group, Frame]]) -> dict[str, int]:
        """The jobs of which this re-read has news, and up to which seq they are known here."""
        behind: dict[str, int] = {}
        for group, frame in addressed:
            item = Outgoing(frame)
            if item.job is None or item.seq is None:
                continue
            known = self._held.get(item.job)
            if known is None:
                # Of whom was told nothing: it began since.
                told = self._told(item.job, [group.name])
                known = min((-1 if seq is None else seq for seq in told), default=item.seq)
            if known < item.seq:
                behind[item.job] = min(known, behind.get(item.job, known))
        return behind

    def _told(self, job: str, names: Collection[str]) -> list[int | None]:
        """What the watchers of these groups hold of a job of which nothing was heard here: what they were greeted with.

        Who is being greeted now is left out, and reads the truth.
        """
        sinks = (socket.sink for socket in self._audience.watching(names))
        return [sink.held_of(job) for sink in sinks if not sink.is_held]

    def _known(self, item: Outgoing) -> int | None:
        job = item.job or ""
        if job in self._held:
            return self._held[job]
        return min((seq for seq in self._told(job, item.names) if seq is not None), default=None)

    def reconcile(self, addressed: Iterable[tuple[Group, Frame]], recorded: Iterable[Frame] = ()) -> None:
        """Deliver what was re-read, as if it had been published; what is known already goes no further.

        `recorded`: what `behind` was answered with. It comes before the frame of now.
        """
        before: dict[str, list[Frame]] = {}
        for frame in recorded:
            before.setdefault(str(frame["job_id"]), []).append(frame)
        runs: dict[tuple[str, int], tuple[list[str], Frame]] = {}
        for group, frame in addressed:
            item = Outgoing(frame, names=(group.name,))
            if item.job is None or item.seq is None:
                self._hand_out(item)
            else:
                # One run is in several groups: it is delivered to all of them at once.
                runs.setdefault((item.job, item.seq), ([], frame))[0].append(group.name)
        for (job, seq), (names, frame) in runs.items():
            for earlier in before.get(job, ()):
                if earlier.get("seq", seq) <= seq:  # what is newer than the frame of now has a turn of its own
                    self._deliver(Outgoing(earlier, names=tuple(names)))
            self._deliver(Outgoing(frame, names=tuple(names)))

    def _lose_inbox(self) -> None:
        self._lose("inbox", (item for _, item in self._inbox))
        self._inbox.clear()

    def _lose(self, where: str, items: Iterable[Outgoing], *, in_html: bool = False) -> None:
        # Nobody can say any more what these were: whoever watches any of their groups reads the truth.
        lost = list(items)
        logger.warning("Frames arrive faster than they can be handed out (%s): sockets are told to read again.", where)
        TRAFFIC.dropped[where] += len(lost)
        for socket in self._audience.watching({name for item in lost for name in item.names}):
            if socket.sink.language or not in_html:
                socket.sink.lose()

    async def _fill_gaps(self) -> None:
        while after := self._gaps.open:
            recorded: list[Frame] = []
            try:
                recorded = await in_database_thread(partial(sources.recorded_after, after))
            except Exception:
                # Then it is as it would be without: what was lost is on the page when that is opened again.
                logger.warning("What was lost on its way could not be read.", exc_info=True)
            for item in list(self._gaps.close(after, recorded)):
                self._accept(item)

    async def _deliver_all(self) -> None:
        while self._inbox:
            self._deliver(self._inbox.pop())
            # The sockets have their turn, and what arrives meanwhile may replace what still waits.
            await asyncio.sleep(0)

    def _deliver(self, item: Outgoing) -> None:
        if sources.personalizer_of(str(item.frame.get("type"))) is not None:
            self._personalize_later(item)
            return
        if item.job is not None and item.seq is not None:
            if self._held.covers(item.job, item.seq):
                return
            self._held.note(item.job, item.seq)
        self._hand_out(item)

    def _hand_out(self, item: Outgoing) -> None:
        wants_html = False
        for socket in self._audience.watching(item.names):
            if socket.sink.language:
                # Asked before rendering: a re-read that found nothing new costs no template.
                wants_html = wants_html or socket.sink.wants(item)
            else:
                socket.sink.offer(item)
        if wants_html and fragments.has_renderer(item.frame):
            self._to_render.add(item)
            self._start("render", self._render_all)

    def _personalize_later(self, item: Outgoing) -> None:
        # Of frames that only say "count again" the newest per addressee will do.
        key: object = (item.slot, item.names) if frames.is_replaceable(item.frame) else object()
        self._to_personalize.pop(key, None)
        self._to_personalize[key] = item
        if len(self._to_personalize) > WAITING_LIMIT:
            self._lose("count", self._to_personalize.values())
            self._to_personalize.clear()
        self._start("personalize", self._personalize_all)

    async def _personalize_all(self) -> None:
        while self._to_personalize:
            together: dict[tuple[str, sources.Personalize], list[tuple[Frame, set[Group]]]] = {}
            for _ in range(min(AT_ONCE, len(self._to_personalize))):
                _, item = self._to_personalize.popitem(last=False)
                found = sources.personalizer_of(str(item.frame.get("type")))
                if found is None:
                    continue
                listening = self._audience.watching(item.names)
                if groups := {group for socket in listening for group in socket.groups if group.kind == found[0]}:
                    together.setdefault(found, []).append((item.frame, groups))
            for (_, personalize), asked in together.items():
                for addressed in await in_database_thread(partial(_all, personalize, asked)):
                    for group, personal in addressed:
                        self._hand_out(Outgoing(personal, names=(group.name,)))

    async def _render_all(self) -> None:
        while self._to_render:
            if self._to_render.kept > WAITING_LIMIT:
                self._lose("render", (item for _, item in self._to_render), in_html=True)
                self._to_render.clear()
                return
            items = [self._to_render.pop() for _ in range(min(AT_ONCE, len(self._to_render)))]
            try:
                await self._render(items)
            except Exception:
                # One of them cannot be drawn; that is no reason not to draw the others.
                for item in items:
                    await self._render_alone(item)

    async def _render(self, items: Sequence[Outgoing]) -> None:
        # Who comes while they are rendered, with another language, reads the truth after these were published.
        wanted = [
            (item.frame, {socket.sink.language for socket in self._audience.watching(item.names)} - {""})
            for item in items
        ]
        rendered = await in_database_thread(partial(fragments.render_all, wanted))
        for item, html in zip(items, rendered, strict=True):
            item.html = html
            for socket in self._audience.watching(item.names):
                if socket.sink.language:
                    socket.sink.offer(item)

    async def _render_alone(self, item: Outgoing) -> None:
        try:
            await self._render([item])
        except Exception:
            # Not told to everyone, so not known: the next re-read delivers it again.
            self._held.pop(item.job or "", None)
            logger.exception(PASSED_OVER)

    def _start(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Let one worker of this name run; it takes up what has been put before it until nothing is left."""
        worker = self._workers.get(name)
        if worker is None or worker.done():
            loop = asyncio.get_running_loop()
            self._workers[name] = loop.create_task(self._guarded(work), name=f"live-{name}")

    async def _guarded(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                await work()
                return
            except Exception:
                # The frame is lost, the rest is not: go on with what waits behind it.
                logger.exception(PASSED_OVER)


def _all(
    personalize: sources.Personalize, asked: Sequence[tuple[Frame, Collection[Group]]]
) -> list[list[tuple[Group, Frame]]]:
    """What `personalize` says, consumed where the database may be used."""
    return [list(addressed) for addressed in personalize(asked)]

"""One socket's end of the hub: never in the way of others, never unbounded.

A sink sends at once when it can. When the socket is busy, or has had its share for this second, frames wait:
of progress only the newest per run, of everything else a bounded list. When that overflows the socket is told
to forget and gets a snapshot.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

from . import frames
from .frames import Frame
from .known import Known
from .traffic import TRAFFIC

PROGRESS_PER_SECOND = 10  # Daphne's send does not wait for the network: this is what bounds its buffer
KEPT_PER_SECOND = 100
KEPT_LIMIT = 256
SEEN_LIMIT = 1000  # runs whose last seq is remembered per socket
RETRY_AFTER = 0.05  # seconds until frames that have had to wait are looked at again

_serial = count()


@dataclass(slots=True, eq=False)
class Outgoing:
    """A frame on its way to many sockets: encoded once, however many there are."""

    frame: Frame
    html: Mapping[str, str] | None = None  # by language, when somebody wants it
    names: tuple[str, ...] = ()  # groups it is for, until it is handed to their sockets
    job: str | None = field(init=False)
    seq: int | None = field(init=False)
    slot: str | None = field(init=False)
    _text: str | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        seq = self.frame.get("seq")
        is_update = self.frame.get("type") == "job_update"
        self.job = str(self.frame.get("job_id")) if is_update else None
        self.seq = seq if is_update and isinstance(seq, int) else None
        self.slot = frames.slot(self.frame)

    @property
    def text(self) -> str:
        """The frame as JSON."""
        if self._text is None:
            self._text = frames.encode(self.frame)
        return self._text


class Backlog:
    """Frames that wait. Within a run the order by seq holds, and progress is replaced by newer progress."""

    __slots__ = ("_items", "_kept")

    def __init__(self) -> None:
        self._items: OrderedDict[object, Outgoing] = OrderedDict()
        self._kept: Counter[str | None] = Counter()

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[tuple[object, Outgoing]]:
        """Keys and frames, oldest first; removing while iterating is fine."""
        return iter(list(self._items.items()))

    @property
    def kept(self) -> int:
        """How many of these must not be skipped."""
        return self._kept.total()

    def add(self, item: Outgoing) -> None:
        """Wait behind the others; of progress that waits already, take the place."""
        if item.slot is None:
            if frames.covers_progress(item.frame):
                self._supersede(f"job:{item.job}")
            self._kept[item.job] += 1
            self._items[next(_serial)] = item
        else:
            # In place, so that a busy run cannot push another's progress back for ever; but never past a log
            # line or a batch of the same run that came in between.
            if self._kept[item.job]:
                self._supersede(item.slot)
            # A run's progress is one thing to all; a count is another thing in each user's group.
            key = item.slot if item.job else (item.slot, item.names)
            TRAFFIC.superseded += key in self._items
            self._items[key] = item

    def _supersede(self, key: object) -> None:
        TRAFFIC.superseded += self._items.pop(key, None) is not None

    def pop(self) -> Outgoing:
        """The oldest; it waits no more."""
        key, item = next(iter(self._items.items()))
        self.remove(key)
        return item

    def remove(self, key: object) -> None:
        """It has been sent."""
        item = self._items.pop(key)
        if item.slot is None:
            self._kept[item.job] -= 1
            if not self._kept[item.job]:
                del self._kept[item.job]

    def forget_up_to(self, job: str, seq: int) -> None:
        """Drop what a frame of this run and seq has already said."""
        for key, item in self:
            if item.job == job and item.seq is not None and item.seq <= seq:
                self.remove(key)

    def clear(self) -> None:
        """Nothing waits any more."""
        self._items.clear()
        self._kept.clear()


class Allowance:
    """So many a second, and as many at once: a steady stream at that rate passes, though it comes unevenly."""

    __slots__ = ("_at", "_left", "_per_second")

    def __init__(self, per_second: float, now: float) -> None:
        self._per_second = self._left = per_second
        self._at = now

    def take(self, now: float) -> bool:
        """Is there some left? If so, this takes one."""
        self._left = min(self._per_second, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def seconds_left(self, now: float) -> float:
        """Until there is one to take."""
        return max(0.0, (1 - self._left) / self._per_second - (now - self._at))


class Sink:
    """Hands frames to one socket. Lives on one event loop; every method is called there, and none waits.

    Starts held back: what is offered waits until `release`, so that the greeting comes first.
    """

    __slots__ = (
        "_backlog",
        "_busy",
        "_closed",
        "_count",
        "_holds",
        "_kept_allowance",
        "_loop",
        "_overflowed",
        "_progress_allowance",
        "_seen",
        "_send",
        "_timer",
        "language",
    )

    def __init__(
        self, send: Callable[[str], Awaitable[None]], *, language: str = "", overflowed: Callable[[], None]
    ) -> None:
        self.language = language  # of the HTML it takes; empty: it takes JSON
        self._send = send
        self._overflowed = overflowed
        self._loop = asyncio.get_running_loop()
        self._backlog = Backlog()
        self._busy: asyncio.Task[None] | None = None
        self._closed = False
        self._count: int | None = None
        self._holds = 1
        self._timer: asyncio.TimerHandle | None = None
        self._seen = Known(SEEN_LIMIT)
        now = self._loop.time()
        self._progress_allowance = Allowance(PROGRESS_PER_SECOND, now)
        self._kept_allowance = Allowance(KEPT_PER_SECOND, now)

    def wants(self, item: Outgoing) -> bool:
        """Would this frame tell the socket anything new?"""
        if self._closed:
            return False
        if item.job is not None and item.seq is not None:
            return not self._seen.covers(item.job, item.seq)
        return item.slot != "unread_count" or item.frame["unread_count"] != self._count

    @property
    def is_held(self) -> bool:
        """Does what is offered wait for a greeting, or another snapshot, to be told first?"""
        return self._holds > 0

    def held_of(self, job: str) -> int | None:
        """The seq up to which the socket was told of this job; None if it was told nothing."""
        return self._seen.get(job)

    def offer(self, item: Outgoing) -> None:
        """Send this frame, now or when its time comes; drop it if it tells the socket nothing new."""
        if not self.wants(item) or (self.language and not self._html(item)):
            return
        if item.job is not None and item.seq is not None:
            self._seen.note(item.job, item.seq)
        self._count = item.frame.get("unread_count", self._count)
        if not self._backlog and not self._busy and not self._holds and self._may_send(item):
            self._start(item)
            return
        self._backlog.add(item)
        if self._backlog.kept > KEPT_LIMIT:
            self.lose()
        else:
            self._flush()

    def sent_directly(self, frame: Frame) -> None:
        """The socket was told this by other means, a snapshot or a replay: drop what waits and is older."""
        item = Outgoing(frame)
        if item.job is not None and item.seq is not None:
            self.knows(item.job, item.seq)
        if not len(self._backlog):
            self._count = frame.get("unread_count", self._count)

    def knows(self, job: str, seq: int) -> None:
        """The socket's client holds everything of this run up to `seq`."""
        self._seen.note(job, seq)
        self._backlog.forget_up_to(job, seq)

    def lose(self) -> None:
        """Frames had to be passed over: the socket needs a reset and a snapshot."""
        if not self._closed:
            TRAFFIC.dropped["socket"] += len(self._backlog)
            self._backlog.clear()
            self._overflowed()

    def hold(self) -> None:
        """From now on what is offered waits. Holds add up."""
        self._holds += 1

    def release(self) -> None:
        """Undo one hold; after the last one frames flow."""
        self._holds -= 1
        self._flush()

    def close(self) -> None:
        """Nothing is sent any more."""
        self._closed = True
        self._backlog.clear()
        if self._timer is not None:
            self._timer.cancel()
        if self._busy is not None:
            self._busy.cancel()

    def _flush(self) -> None:
        if self._holds or self._closed:
            return
        waiting_jobs: set[str | None] = set()
        for key, item in self._backlog:
            if self._busy:
                return
            # Order within a run: what follows a frame that has to wait, waits as well.
            owner = item.job or item.slot
            if owner in waiting_jobs and owner is not None:
                continue
            if self._may_send(item):
                self._backlog.remove(key)
                self._start(item)
            else:
                waiting_jobs.add(owner)
        if self._backlog and self._timer is None:
            self._timer = self._loop.call_later(self._next_turn(), self._look_again)

    def _next_turn(self) -> float:
        """Seconds until something that waits may go."""
        if self._backlog.kept:
            return RETRY_AFTER
        return max(RETRY_AFTER, self._progress_allowance.seconds_left(self._loop.time()))

    def _look_again(self) -> None:
        self._timer = None
        self._flush()

    def _may_send(self, item: Outgoing) -> bool:
        """Has the socket some of its share left? If so, this takes it."""
        allowance = self._kept_allowance if item.slot is None else self._progress_allowance
        return allowance.take(self._loop.time())

    def _start(self, item: Outgoing) -> None:
        # Eager: a socket that can take the frame has taken it when this line is done, and no task was
        # scheduled.
        text = self._html(item) if self.language else item.text
        task = asyncio.Task(self._push(text), loop=self._loop, eager_start=True)
        if not task.done():
            self._busy = task
            task.add_done_callback(self._sent)

    def _html(self, item: Outgoing) -> str:
        return item.html.get(self.language, "") if item.html else ""

    async def _push(self, text: str) -> None:
        try:
            await self._send(text)
        except Exception:
            # The socket is gone; its consumer hears of it by itself and cleans up.
            self.close()

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._busy = None
        self._flush()

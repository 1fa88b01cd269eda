"""Frames of a job are numbered one after the other: what is missing before one that arrives was lost on its way.

Of most that does not matter, newer progress says all that older progress said. But a batch or a log line is told once:
so the frame that shows the gap waits, until what was recorded in it has been read. It costs nothing while nothing is
lost, and one visit to the database for all gaps of a moment when something is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from .frames import Frame
from .known import Known
from .sinks import Outgoing

REMEMBERED_RUNS = 10_000
HELD_BACK = 1000  # frames that wait for a gap before them to be read


class Gaps:
    """What has arrived of each job, and what waits. `known(item)`: up to which seq it is known otherwise, or None."""

    def __init__(self, known: Callable[[Outgoing], int | None]) -> None:
        self._known = known
        self._arrived = Known(REMEMBERED_RUNS)
        self._waiting: dict[str, list[Outgoing]] = {}
        self._after: dict[str, int] = {}

    @property
    def open(self) -> Mapping[str, int]:
        """The jobs with a gap, and the seq before it."""
        return dict(self._after)

    @property
    def is_full(self) -> bool:
        """Do more wait than may?"""
        return sum(map(len, self._waiting.values())) > HELD_BACK

    def hold_back(self, item: Outgoing) -> bool:
        """Is something missing before this frame? Then it waits here, and so does what arrives of the job meanwhile."""
        job, seq = item.job, item.seq
        if job is None or seq is None:
            return False
        last = self._arrived.get(job)
        skipped = int(item.frame.get("skipped", 0))  # of lines that its publisher left out
        if last is None or seq - last - 1 > skipped:
            # A greeting or a re-read may have told what did not arrive.
            last = max((each for each in (last, self._known(item)) if each is not None), default=None)
        self._arrived.note(job, seq)
        if job not in self._waiting:
            # Of what was never heard of before nobody can say where it began.
            if last is None or seq - last - 1 <= skipped:
                return False
            self._after[job] = last
        self._waiting.setdefault(job, []).append(item)
        return True

    def close(self, after: Mapping[str, int], recorded: Iterable[Frame] = ()) -> Iterator[Outgoing]:
        """What waited for these gaps, with what was `recorded` in them, in the order in which it happened."""
        read: dict[str, list[Frame]] = {}
        for frame in recorded:
            read.setdefault(str(frame["job_id"]), []).append(frame)
        for job in after:
            self._after.pop(job, None)
            waited = self._waiting.pop(job, [])
            if not waited:  # given up meanwhile
                continue
            names = waited[0].names
            found = [Outgoing(frame, names=names) for frame in read.get(job, ())]
            # What is no update of the job (a reset) comes before all of them.
            yield from (item for item in found if item.seq is None)
            in_order = {item.seq: item for item in (*found, *waited) if item.seq is not None}
            for seq in sorted(in_order):
                self._arrived.note(job, seq)
                yield in_order[seq]

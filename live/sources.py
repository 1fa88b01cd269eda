"""How hub and consumers ask for the truth without knowing who owns it: other rooms register here.

All registered functions are synchronous and run in a database thread, never on the event loop.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from .frames import Frame
from .groups import Group

type Addressed = Iterable[tuple[Group, Frame]]
type Reread = Callable[[Collection[Group]], Addressed]
type Personalize = Callable[[Sequence[tuple[Frame, Collection[Group]]]], Iterable[Addressed]]
type Recorded = Callable[[Mapping[str, int]], Iterable[Frame]]
type Refusals = Callable[[Collection[tuple[Group, int]]], Iterable[tuple[Group, int]]]

_rereads: dict[str, Reread] = {}
_personalizers: dict[str, tuple[str, Personalize]] = {}
_guards: dict[str, Refusals] = {}
_recorded: list[Recorded] = []


def register(kind: str, reread: Reread) -> None:
    """For groups of `kind`: `reread(groups)` returns the present frame of everything in them that may have changed.

    Called every few seconds with all groups watched in this process, of every kind it is registered for: a constant
    number of queries will do.
    """
    _rereads[kind] = reread


def personal(frame_type: str, kind: str, personalize: Personalize) -> None:
    """Frames of `frame_type` mean something else to each reader.

    `personalize([(frame, groups), …])` gets with each frame the groups of `kind` in which somebody here would hear it,
    and returns for each what these groups hear instead; a group it leaves out hears nothing. A frame is asked about
    once per process, and with it those that arrived meanwhile.
    """
    _personalizers[frame_type] = (kind, personalize)


def guard(kind: str, refusals: Refusals) -> None:
    """For groups of `kind`: `refusals(pairs)` returns those (group, user's pk) that may no longer be watched.

    Called with every pair watched in this process, every few seconds; such sockets are closed with 4403.
    """
    _guards[kind] = refusals


def history(recorded: Recorded) -> None:
    """`recorded(after)` returns what was recorded of these jobs after those seqs and may not be skipped, oldest first.

    Batches and lines, as the frames they were. Of a job with more than can be told: `reset` alone. Asked when a re-read
    found that news was lost or is late, or that there is a gap in it: seldom.
    """
    _recorded.append(recorded)


def recorded_after(after: Mapping[str, int]) -> list[Frame]:
    """What everybody who was registered knows of these jobs."""
    return [frame for recorded in _recorded for frame in recorded(after)]


def reread_of(kind: str) -> Reread | None:
    """What was registered for `kind`."""
    return _rereads.get(kind)


def personalizer_of(frame_type: str) -> tuple[str, Personalize] | None:
    """Kind of group and function for frames of `frame_type`, if they are personal."""
    return _personalizers.get(frame_type)


def guard_of(kind: str) -> Refusals | None:
    """What was registered to re-read access to groups of `kind`."""
    return _guards.get(kind)

"""What passes through the sockets of this process, counted: for whoever measures, and for nothing else."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Traffic:
    """Since the process began. Plain numbers, for counting happens once per frame and socket."""

    opened: int = 0  # sockets
    sent: int = 0  # frames, one for each socket
    published: int = 0  # frames, one however many hear it
    superseded: int = 0  # progress that waited until newer progress took its place: nothing was lost
    closed: Counter[int] = field(default_factory=Counter)  # sockets we closed, by the code we closed them with
    # Frames passed over, by where: the socket's backlog, the process's inbox, on the way out, in the layer. Who missed
    # one is told to read again, or finds out by re-reading.
    dropped: Counter[str] = field(default_factory=Counter)


TRAFFIC = Traffic()

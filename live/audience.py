"""Who is here and who watches what: the open sockets of one process. Plain bookkeeping, nothing waits in it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from .credentials import Credentials
from .groups import Group
from .sinks import Sink


@dataclass(slots=True, eq=False)
class Socket:
    """What the hub knows of one open socket."""

    sink: Sink
    credentials: Credentials
    close: Callable[[int, str], asyncio.Task[None]]  # ends the socket with this code and reason
    groups: set[Group] = field(default_factory=set)


class Audience:
    """The sockets of this process, by the groups they watch and by user."""

    def __init__(self) -> None:
        self.sockets: set[Socket] = set()
        self._watchers: dict[str, set[Socket]] = {}
        self._groups: dict[str, Group] = {}
        self._sockets_of: Counter[int] = Counter()

    @property
    def groups(self) -> Collection[Group]:
        """Every group somebody here watches."""
        return list(self._groups.values())

    @property
    def names(self) -> Collection[str]:
        """Their names in the channel layer."""
        return self._groups.keys()

    def watching(self, names: Collection[str]) -> Collection[Socket]:
        """Everyone who watches one of these groups."""
        if len(names) == 1:
            return [socket for name in names for socket in self._watchers.get(name, ())]
        return {socket for name in names for socket in self._watchers.get(name, ())}

    def sockets_of(self, user_pk: int) -> int:
        """How many sockets of this user are open here."""
        return self._sockets_of[user_pk]

    def add(self, socket: Socket) -> None:
        """A socket has opened."""
        self.sockets.add(socket)
        self._sockets_of[socket.credentials.user_pk] += 1

    def remove(self, socket: Socket) -> None:
        """A socket has closed; it goes on watching until told not to. Twice is fine."""
        if socket in self.sockets:
            self.sockets.discard(socket)
            self._sockets_of[socket.credentials.user_pk] -= 1
            self._sockets_of += Counter()  # drops those at zero

    def watch(self, socket: Socket, groups: Iterable[Group]) -> set[str]:
        """`socket` watches these as well. Returns the names of those that nobody watched before."""
        new = set()
        for group in groups:
            socket.groups.add(group)
            if group.name not in self._watchers:
                self._groups[group.name] = group
                self._watchers[group.name] = set()
                new.add(group.name)
            self._watchers[group.name].add(socket)
        return new

    def unwatch(self, socket: Socket, groups: Iterable[Group]) -> set[str]:
        """`socket` watches these no more. Returns the names of those that nobody watches now."""
        left = set()
        for group in groups:
            socket.groups.discard(group)
            watchers = self._watchers.get(group.name)
            if watchers is None:
                continue
            watchers.discard(socket)
            if not watchers:
                del self._watchers[group.name], self._groups[group.name]
                left.add(group.name)
        return left

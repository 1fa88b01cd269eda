"""Settings of this room and what holds where a project says nothing; `Setting` is how every room keeps its own."""

from typing import Any

from django.conf import settings


class Setting[T]:
    """A setting with a default, read anew each time: an attribute of the class that lists those of a room."""

    def __init__(self, default: T) -> None:
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> T:
        value: T = getattr(settings, self.name, self.default)
        return value


class Conf:
    """What a project may set about sockets."""

    LIVE_RECONCILE_SECONDS = Setting(2.5)  # between two looks of a process at what its sockets watch
    LIVE_MAX_AGE_SECONDS = Setting(3600.0)  # a layer forgets group members after a day, and deploys drain sockets
    LIVE_MAX_SOCKETS_PER_USER = Setting(50)


conf = Conf()

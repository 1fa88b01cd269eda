"""What a token may be used for. A token never allows more than its owner is allowed, only less."""

from collections.abc import Collection

from django.db import models
from django.utils.translation import gettext_lazy as _

SAFE = {"GET", "HEAD", "OPTIONS"}
OF_NOTIFICATIONS = ("/api/notifications", "/ws/notifications")
# Under those addresses, and yet no everyday reading and marking: telling others, and where one's own are sent.
GRAVE = {("POST", "/api/notifications"), ("PATCH", "/api/notifications/preferences")}


class Scope(models.TextChoices):
    """Few, so that one can tell what to choose."""

    READ = "read", _("Read: everything you may see, and its live updates")
    WRITE = "write", _("Write: start, cancel, retry, change and delete what you may")
    NOTIFICATIONS = "notifications", _("Notifications: read, mark and delete your own")


def enough(method: str, path: str) -> frozenset[Scope]:
    """The scopes of which any one allows a request, or a socket (method GET), at `path`."""
    general = Scope.READ if method in SAFE else Scope.WRITE
    if path.startswith(OF_NOTIFICATIONS) and (method, path.rstrip("/")) not in GRAVE:
        return frozenset({general, Scope.NOTIFICATIONS})
    return frozenset({general})


def allows(scopes: Collection[str], method: str, path: str) -> bool:
    """May a token with these scopes be used for that?"""
    return not enough(method, path).isdisjoint(scopes)

"""What sockets hear of notifications.

Frames are published without counts: each process adds its readers' own.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from live import frames, sources
from live.frames import Frame
from live.groups import Group
from live.publishing import publish_on_commit

from .counting import unread_counts
from .groups import EVERYONE, KIND, user_group
from .models import Notification


def fields_of(notification: Notification) -> dict[str, Any]:
    """A notification as API and frames show it."""
    return {
        "id": notification.pk,
        "username": notification.username,
        "type": notification.type,
        "title": notification.title,
        "message": notification.message,
        "link": notification.safe_link or None,
        "severity": notification.severity or None,
        "occurrences": notification.occurrences,
        "read": notification.read,
        # To the microsecond: it comes back as `up_to` of mark-all-read.
        "created_at": notification.created_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
    }


def publish_arrival(notification: Notification, recipient_pk: int | None) -> None:
    """Once committed: a notification for one user, or with no recipient for everyone."""
    group = EVERYONE if recipient_pk is None else user_group(recipient_pk)
    publish_on_commit([group], {"type": "notification", "notification": fields_of(notification)})


def publish_count(user_pk: int) -> None:
    """Once committed: what is unread has changed for this user, in every tab."""
    publish_on_commit([user_group(user_pk)], {"type": "unread_count"})


def publish_counts() -> None:
    """Once committed: what is unread may have changed for everyone."""
    publish_on_commit([EVERYONE], {"type": "unread_count"})


def register() -> None:
    """Tell the hub how to read our frames and our truth."""
    sources.register(KIND, current_counts)
    sources.personal("notification", KIND, with_own_counts)
    sources.personal("unread_count", KIND, with_own_counts)


def current_counts(groups: Collection[Group]) -> Iterable[tuple[Group, Frame]]:
    """The unread count of each user whose sockets are open here, in one query."""
    counts = unread_counts(int(group.key) for group in groups)
    return [(user_group(pk), frames.unread_count(count)) for pk, count in counts.items()]


def with_own_counts(asked: Sequence[tuple[Frame, Collection[Group]]]) -> Iterator[list[tuple[Group, Frame]]]:
    """Each frame as its users should hear it: with their own count, read after the change. One query for all of it."""
    counted = dict(current_counts({group for _, groups in asked for group in groups}))
    for frame, groups in asked:
        yield [(group, _counted(frame, counted[group])) for group in groups if group in counted]


def _counted(frame: Frame, own: Frame) -> Frame:
    if frame["type"] == "unread_count":
        return own
    return frames.notification(frame["notification"], unread_count=own["unread_count"])

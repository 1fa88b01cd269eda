"""What a person sees of notifications: the panel, the page, and the fragments that sockets send."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from live.numbers import grouped

from . import facade
from .models import Notification, Severity
from .paging import COUNT_CAP
from .types import in_words

if TYPE_CHECKING:
    from django.contrib.auth.models import User

PANEL_SIZE = 10
PAGE_SIZE = 20
_TONES: dict[str, tuple[str, str]] = {
    Severity.INFO: ("info", "info"),
    Severity.SUCCESS: ("good", "completed"),
    Severity.WARNING: ("warn", "info"),
    Severity.ERROR: ("bad", "failed"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticeView:
    """One notification as it is shown. Texts are plain: the templates escape them."""

    id: int
    kind: str
    tone: str
    icon: str
    title: str
    message: str
    link: str
    read: bool
    at: datetime
    is_broadcast: bool
    occurrences: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticePage:
    """Some notifications, newest first, and what the buttons around them need."""

    notices: list[NoticeView]
    count: int
    unread: int
    next_cursor: str
    up_to: str
    unread_only: bool
    poll_url: str  # where the API lists the same

    @property
    def count_in_words(self) -> str:
        """How many match, as far as they are counted."""
        return (
            _("%(count)s or more") % {"count": grouped(COUNT_CAP)} if self.count >= COUNT_CAP else grouped(self.count)
        )

    @property
    def any_read(self) -> bool:
        """Is there anything here that "Clear read" would take away?"""
        return any(notice.read for notice in self.notices)


def present(notification: Notification) -> NoticeView:
    """One notification; `read` on it must be the reader's own."""
    kind = in_words(notification.type)
    tone, icon = _TONES.get(notification.severity) or _tone(notification.type)
    return NoticeView(
        id=notification.pk,
        kind=kind[:1].upper() + kind[1:],
        tone=tone,
        icon=icon,
        title=notification.title,
        message=notification.message,
        link=notification.safe_link,
        read=notification.read,
        at=notification.created_at,
        is_broadcast=notification.is_broadcast,
        occurrences=notification.occurrences,
    )


def page_of_notices(
    user: "User", *, limit: int = PAGE_SIZE, unread_only: bool = False, cursor: str | None = None
) -> NoticePage:
    """A page of what `user` may see. Raises paging.BadCursor."""
    page = facade.get_user_notifications(user, unread_only=unread_only, limit=limit, cursor=cursor or None)
    notices = [present(row) for row in page.notifications]
    return NoticePage(
        notices=notices,
        count=page.count,
        unread=page.unread_count,
        next_cursor=page.next_cursor or "",
        # "Mark all" means all up to the newest the person has seen; what arrives meanwhile stays unread.
        up_to=notices[0].at.isoformat() if notices else "",
        unread_only=unread_only,
        poll_url=f"{reverse('live_api:list_notifications')}?"
        + urlencode({"limit": limit, "unread_only": unread_only} | ({"cursor": cursor} if cursor else {})),
    )


def render_notification_fragments(frame: dict[str, Any]) -> str:
    """A `notification` or `unread_count` frame as HTML for `?content=html` sockets: the bell's number."""
    context = {"unread": frame.get("unread_count") or 0, "oob": True}
    return render_to_string("notifications/partials/bell_count.html", context).strip()


def _tone(kind: str) -> tuple[str, str]:
    """Colour and icon, by what the type's name says of how things went."""
    name = kind.lower()
    if any(word in name for word in ("error", "fail", "timeout", "lost")):
        return "bad", "failed"
    if any(word in name for word in ("complete", "success", "done", "finished")):
        return "good", "completed"
    return "info", "info"

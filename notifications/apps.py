"""App configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    """The room `notifications`."""

    name = "notifications"
    verbose_name = _("Notifications")
    live_styles = ("notifications/css/notifications.css",)
    live_scripts = ("notifications/js/toast.js", "notifications/js/outside.js")
    live_tail = ("notifications/partials/tail.html",)

    def ready(self) -> None:
        """Let the hub know how to read notification frames, and HTML sockets how to show them."""
        from live import fragments
        from live.checks import require

        require(self.name, "live")
        from . import checks, news  # noqa: F401 - importing registers the checks
        from .presenters import render_notification_fragments

        news.register()
        for frame_type in ("notification", "unread_count"):
            fragments.register(frame_type, fragments.one_by_one(render_notification_fragments))

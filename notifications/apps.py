"""App configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    """The room `notifications`."""

    name = "notifications"
    verbose_name = _("Notifications")

    def ready(self) -> None:
        """Let the hub know how to read notification frames, and HTML sockets how to show them."""
        from live import fragments

        from . import news
        from .presenters import render_notification_fragments

        news.register()
        for frame_type in ("notification", "unread_count"):
            fragments.register(frame_type, render_notification_fragments)

"""App configuration."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """The room `notifications`."""

    name = "notifications"

    def ready(self) -> None:
        """Let the hub know how to read notification frames."""
        from . import news

        news.register()

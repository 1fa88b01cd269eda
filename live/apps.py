"""App configuration."""

from django.apps import AppConfig


class LiveConfig(AppConfig):
    """The room `live`."""

    name = "live"

    def ready(self) -> None:
        """Let the hubs know when access changes."""
        from . import signals

        signals.connect()

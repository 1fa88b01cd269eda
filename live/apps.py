"""App configuration."""

from django.apps import AppConfig


class LiveConfig(AppConfig):
    """The room `live`."""

    name = "live"

    def ready(self) -> None:
        """Let the hubs know when access changes, and HTML sockets what theirs is worth."""
        from . import fragments, freshness, signals

        signals.connect()
        fragments.register("freshness", freshness.render)

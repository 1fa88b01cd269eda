"""App configuration."""

from django.apps import AppConfig


class LiveConfig(AppConfig):
    """The room `live`."""

    name = "live"

    def ready(self) -> None:
        """Let the hubs know when access changes, and HTML sockets what theirs is worth."""
        from . import checks, fragments, freshness, signals  # noqa: F401 - importing registers the checks

        signals.connect()
        fragments.register("freshness", fragments.one_by_one(freshness.render))

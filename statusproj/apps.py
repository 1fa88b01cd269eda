"""App configuration."""

from django.apps import AppConfig


class StatusprojConfig(AppConfig):
    """The wiring: settings, addresses, embedded Postgres, `serve` and `demo`."""

    name = "statusproj"
    live_styles = ("statusproj/css/site.css",)

    def ready(self) -> None:
        """Register our deploy checks, and listen to what is counted."""
        from live.tracing import set_up_with

        from . import checks  # noqa: F401 - importing registers them
        from .metrics import receivers
        from .tracing import configure

        set_up_with(configure)

        receivers.connect()

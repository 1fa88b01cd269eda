"""App configuration."""

from django.apps import AppConfig


class IngestConfig(AppConfig):
    """The room `ingest`."""

    name = "ingest"

    def ready(self) -> None:
        """Register the checks."""
        from . import checks  # noqa: F401

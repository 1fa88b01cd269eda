"""App configuration."""

from django.apps import AppConfig


class IngestConfig(AppConfig):
    """The room `ingest`."""

    name = "ingest"

    def ready(self) -> None:
        """Register the checks, and what this room tells people."""
        from notifications import types

        from . import checks  # noqa: F401
        from .telling.texts import TYPES

        types.register(*TYPES)

"""App configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IngestConfig(AppConfig):
    """The room `ingest`."""

    name = "ingest"
    verbose_name = _("Ingest")
    live_styles = ("ingest/css/articles.css",)

    def ready(self) -> None:
        """Register the checks, and what this room tells people."""
        from notifications import types

        from . import checks  # noqa: F401
        from .telling.texts import TYPES

        types.register(*TYPES)

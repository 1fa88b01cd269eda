"""App configuration."""

from django.apps import AppConfig


class IngestConfig(AppConfig):
    """The room `ingest`."""

    name = "ingest"

"""App configuration."""

from django.apps import AppConfig


class LiveConfig(AppConfig):
    """The room `live`."""

    name = "live"

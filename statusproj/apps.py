"""App configuration."""

from django.apps import AppConfig


class StatusprojConfig(AppConfig):
    """The room `statusproj`."""

    name = "statusproj"

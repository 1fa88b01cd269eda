"""App configuration."""

from django.apps import AppConfig


class TasksConfig(AppConfig):
    """The room `tasks`: the background task manager."""

    name = "tasks"
    verbose_name = "Background tasks"

    def ready(self) -> None:
        """Make the engine know our tickets, and the sockets know how to read runs."""
        from . import live_sources, worker

        live_sources.register()
        assert worker.execute is not None

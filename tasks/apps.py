"""App configuration."""

from django.apps import AppConfig


class TasksConfig(AppConfig):
    """The room `tasks`: the background task manager."""

    name = "tasks"
    verbose_name = "Background tasks"

    def ready(self) -> None:
        """Make the engine know our tickets, and the sockets know how to read runs."""
        from live import fragments

        from . import live_sources, worker
        from .presenters import render_run_fragments

        live_sources.register()
        fragments.register("job_update", render_run_fragments)
        assert worker.execute is not None

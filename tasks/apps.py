"""App configuration."""

from django.apps import AppConfig


class TasksConfig(AppConfig):
    """The room `tasks`: the background task manager."""

    name = "tasks"
    verbose_name = "Background tasks"

    def ready(self) -> None:
        """Connect the room with the engine and with the sockets."""
        from django.conf import settings

        from live import fragments

        from . import live_sources, worker  # noqa: F401 - importing worker makes the engine know our tickets
        from .presenters import render_queue_news, render_run_fragments
        from .secret_names import compiled

        compiled(tuple(settings.TASKS_REDACT))  # what is wrong there is said at the start, not when something is shown
        live_sources.register()
        fragments.register("job_update", render_run_fragments)
        fragments.register("queue", render_queue_news)

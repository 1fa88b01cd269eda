"""App configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

# How a notification of these types is called: see notifications/types.py.
gettext_noop("task completed")
gettext_noop("task failed")


class TasksConfig(AppConfig):
    """The room `tasks`: the background task manager."""

    name = "tasks"
    verbose_name = _("Background tasks")
    live_styles = ("tasks/css/runs.css",)

    def ready(self) -> None:
        """Connect the room with the engine and with the sockets."""
        from live.checks import require

        require(self.name, "live", "notifications", "procrastinate.contrib.django")
        from . import checks

        checks.require_our_backend()
        from live import fragments
        from notifications import types

        from . import live_sources, worker  # noqa: F401 - importing worker makes the engine know our tickets
        from .conf import conf
        from .presenters import render_queue_news, render_run_fragments
        from .secret_names import ALWAYS, compiled

        compiled((*ALWAYS, *conf.TASKS_REDACT))  # what is wrong there is said at the start, not when something is shown
        live_sources.register()
        types.register(
            types.NotificationType(name="task_completed", label=_("Runs that completed")),
            types.NotificationType(name="task_failed", label=_("Runs that failed")),
        )
        fragments.register("job_update", render_run_fragments)
        fragments.register("queue", fragments.one_by_one(render_queue_news))

"""App configuration."""

from django.apps import AppConfig


class TasksConfig(AppConfig):
    """The room `tasks`."""

    name = "tasks"

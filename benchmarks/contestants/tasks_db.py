"""django-tasks-db, Django's reference backend on a database. `client` or `worker`; BENCH_DATABASE names it.

Its worker does one task at a time and looks once a second, as it comes.
"""

import os
import sys

import django
from django.conf import settings

HOST, NAME = os.environ["BENCH_DATABASE_HOST"], os.environ["BENCH_DATABASE_NAME"]
USER, PORT = os.environ.get("BENCH_DATABASE_USER", ""), os.environ.get("BENCH_DATABASE_PORT", "")
if not settings.configured:
    settings.configure(
        INSTALLED_APPS=["django_tasks_db"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "HOST": HOST,
                "NAME": NAME,
                "USER": USER,
                "PORT": PORT,
                "CONN_MAX_AGE": None,
            }
        },
        TASKS={"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}},
        USE_TZ=True,
    )
    django.setup()

from django.core.management import call_command  # noqa: E402
from django.tasks import task  # noqa: E402
from orders import Client, mark  # noqa: E402


@task
def start() -> None:
    """Does nothing but start."""
    mark()


def main() -> None:
    """Serve or work."""
    import tasks_db  # its functions are looked up by this name, not by __main__

    if sys.argv[1] == "worker":
        call_command("db_worker", verbosity=0)
        return
    call_command("migrate", verbosity=0)
    Client(tasks_db.start.enqueue).serve()


if __name__ == "__main__":
    main()

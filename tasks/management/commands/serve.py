"""`manage.py serve`: the whole system in one process."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    """Pages, API, sockets and a worker, until SIGTERM or Ctrl-C."""

    help = "Serve pages, API and sockets, with a worker in the same process."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--no-worker", action="store_true", help="only the web side; run `manage.py worker` elsewhere"
        )
        parser.add_argument(
            "--no-migrate", action="store_true", help="leave the database as it is; a deployment migrates before"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Bring the database up to date unless told otherwise, then serve."""
        if not options["no_migrate"]:
            call_command("migrate", verbosity=0)
        from tasks.server import LiveServer  # installs Twisted's reactor: only where it is wanted

        host, port = options["host"], options["port"]
        server = LiveServer(
            host,
            port,
            with_worker=not options["no_worker"],
            on_ready=lambda: self.stdout.write(f"Serving at http://{host}:{port}/ (Ctrl-C stops)"),
        )
        if not options["no_migrate"] and not get_user_model()._default_manager.exists():
            self.stdout.write("Nobody can sign in yet. In another terminal: python manage.py createsuperuser")
        server.run()
        if server.failed:
            raise CommandError(f"Could not listen on {host}:{port}.")

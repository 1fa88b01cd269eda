"""`manage.py demo`: the main job, live in terminal and browser, with nothing to set up."""

import os
import secrets
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections
from django.urls import reverse
from rich.console import Console
from rich.panel import Panel

from ingest.demo import open_site, prepare
from ingest.jobs import start_collecting
from ingest.models import Topic
from ingest.terminal import print_outcome, watch
from tasks.exceptions import AlreadyRunning

USERNAME = "demo"


class Command(BaseCommand):
    """Serve the site, collect the demo topic, leave the server up."""

    help = "Collect articles from the built-in news site and watch it live. Ctrl-C stops the server."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        """Make what is missing, open the news site, serve, collect."""
        call_command("migrate", verbosity=0)
        user, password = demo_user()
        topics = prepare(user)
        from tasks.server import LiveServer  # installs Twisted's reactor: only where it is wanted

        console = Console()
        address = f"http://{options['host']}:{options['port']}"
        page = address + reverse("topic-detail", args=[topics[0].pk])

        def begin() -> None:
            console.print(
                Panel.fit(
                    f"Open [bold]{page}[/]\nSign in as [bold]{USERNAME}[/], password [bold]{password}[/]",
                    title="The demo is up",
                )
            )
            threading.Thread(target=_collect, args=[topics[0], console], name="demo", daemon=True).start()

        try:
            site = open_site(topics)
        except OSError as error:
            raise CommandError(
                f"The news site cannot listen on port {settings.DEMO_SITE_PORT} ({error.strerror}). "
                "Is another demo running? Else choose another: DEMO_SITE_PORT=8766 make demo"
            ) from None
        server = LiveServer(options["host"], options["port"], on_ready=begin)
        try:
            server.run()
        finally:
            site.stop()
            console.show_cursor()
        if server.failed:
            raise CommandError(f"Could not listen on {options['host']}:{options['port']}. Try: make demo PORT=8001")


def demo_user() -> tuple[User, str]:
    """The demo's user, who may also use the admin, and the password, made once for this data folder."""
    path = Path(settings.DATA_DIR) / "demo_password"
    user, created = User.objects.get_or_create(username=USERNAME, defaults={"is_staff": True, "is_superuser": True})
    password = path.read_text() if path.exists() and not created else ""
    if not password or not user.check_password(password):
        password = secrets.token_urlsafe(9)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(password)
        user.set_password(password)
        user.save(update_fields=["password"])
    return user, password


def _collect(topic: Topic, console: Console) -> None:
    """Start a collection, draw its bar, print the outcome. On a thread of its own, beside the server."""
    try:
        try:
            run_id = start_collecting(topic.owner, topic).id
        except AlreadyRunning as error:  # one was under way when the demo was stopped
            run_id = str(error.run_id)
        run = watch(run_id, console)
        print_outcome(run, console)
        console.print("The server stays up: look around, press [bold]Run Auto-Collect[/]. Ctrl-C stops it.")
    finally:
        connections.close_all()

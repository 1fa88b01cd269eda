"""`manage.py migrate`: Django's own, that keeps nobody waiting for long.

A migration that waits for its lock on a table stands in line before everybody who comes after it, readers included: one
long report and one ALTER TABLE, and the site stands still. So a statement gives up its place after a moment, and the
migration is tried again later, until it finds a gap.
"""

import time
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from psycopg.errors import LockNotAvailable

PAUSE = 1.0  # seconds between two attempts, after the second twice as long, and so on
LONGEST_PAUSE = 15.0


class Command(migrate.Command):
    """Django's command, with a limit to how long a statement waits for its lock."""

    def add_arguments(self, parser: CommandParser) -> None:
        """How long to wait, and how often to try."""
        super().add_arguments(parser)
        parser.add_argument(
            "--lock-timeout",
            type=float,
            default=settings.MIGRATE_LOCK_SECONDS,
            help="seconds a statement waits for its lock, and others behind it (default: MIGRATE_LOCK_SECONDS, else 2)",
        )
        parser.add_argument(
            "--lock-attempts", type=int, default=40, help="how often a migration is tried (default: 40)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate; what was applied before an attempt failed stays applied."""
        self._milliseconds = max(1, round(options["lock_timeout"] * 1000))
        self._connection = connections[options["database"]]
        attempts, pause = options["lock_attempts"], PAUSE
        for attempt in range(1, attempts + 1):
            try:
                super().handle(*args, **options)
                return
            except OperationalError as error:
                if not isinstance(error.__cause__, LockNotAvailable):
                    raise
                if attempt == attempts:
                    raise CommandError(
                        f"A table was in use all the while ({str(error).splitlines()[0]}). Nothing is half done: see "
                        "pg_stat_activity for who holds it, and run migrate again."
                    ) from None
            finally:
                self._wait_for_locks(None)
            if options["verbosity"] > 0:
                self.stdout.write(f" a table is in use; trying again in {pause:g} s")
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def migration_progress_callback(self, action: str, migration: Any = None, fake: bool = False) -> None:
        """Called around each migration."""
        if action in {"apply_start", "unapply_start"}:
            # What is not atomic builds indexes CONCURRENTLY: that waits for others, and nobody for it. Given up halfway
            # it would leave an index behind that is not valid.
            self._wait_for_locks(self._milliseconds if migration.atomic else 0)
        super().migration_progress_callback(action, migration, fake)

    def _wait_for_locks(self, milliseconds: int | None) -> None:
        """At most so long, 0 for ever, None as before. The connection may go on to serve."""
        with self._connection.cursor() as cursor:
            if milliseconds is None:
                cursor.execute("RESET lock_timeout")
            else:
                cursor.execute("SELECT set_config('lock_timeout', %s, false)", [str(milliseconds)])

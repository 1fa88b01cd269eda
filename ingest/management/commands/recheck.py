"""`manage.py recheck`: stored articles judged anew from the terminal, with a bar."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, no_translations

from ingest.jobs import start_recheck
from ingest.judging.recheck import to_recheck
from ingest.rules import rules_of
from ingest.telling.texts import moves_in_words
from ingest.terminal import see_through
from tasks.exceptions import AlreadyRunning
from tasks.states import Status
from tasks.terminal import console_on

from .collect import find_topic


class Command(BaseCommand):
    """Judge a topic's stored articles by its rules of today. Ctrl-C cancels the run."""

    help = "Judge a topic's stored articles anew, by its rules of today; nothing is fetched. Ctrl-C cancels the run."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which topic."""
        parser.add_argument("--topic", default="", help="Name or id; not needed while there is only one.")
        parser.add_argument("--user", default="", help="Whose topic, if several people have one of that name.")

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        """Enqueue, see to it that somebody works, watch."""
        topic = find_topic(options["topic"], options["user"])
        console = console_on(self.stdout)
        if not to_recheck(topic, rules_of(topic), 1):
            console.print(f"Every article of “{topic.name}” was judged by the rules of today: nothing to re-check.")
            return
        try:
            run_id = start_recheck(topic).id
        except AlreadyRunning as error:
            console.print(f"“{topic.name}” is being re-checked already; this is that run.")
            run_id = str(error.run_id)
        run = see_through(run_id, console)
        if run.status == Status.FAILED:
            raise CommandError(f"The run failed. {run.error}")
        if run.status != Status.COMPLETED:
            raise CommandError("The run was cancelled.", returncode=130)
        result: dict[str, Any] = run.result if isinstance(run.result, dict) else {}
        console.print(f"{result.get('processed', 0):,} articles judged anew: {moves_in_words(result)}.")

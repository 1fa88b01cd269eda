"""`manage.py collect`: Auto-Collect from the terminal, with a bar."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, no_translations

from ingest.jobs import start_collecting
from ingest.models import Topic
from ingest.terminal import print_outcome, see_through
from tasks.exceptions import AlreadyRunning
from tasks.states import Status
from tasks.terminal import console_on


class Command(BaseCommand):
    """Collect one topic and show what came of it. Ctrl-C cancels the run."""

    help = "Collect a topic's articles now: a bar while it lasts, then the outcome. Ctrl-C cancels the run."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which topic, and how much of it."""
        parser.add_argument("--topic", default="", help="Name or id; not needed while there is only one.")
        parser.add_argument("--user", default="", help="Whose topic, if several people have one of that name.")
        parser.add_argument("--limit", type=int, default=None, help="At most this many articles.")
        parser.add_argument("--dry-run", action="store_true", help="Read and judge, but store nothing.")

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        """Enqueue, see to it that somebody works, watch."""
        limit = options["limit"]
        if limit is not None and limit < 1:
            raise CommandError("--limit must be 1 or more.")
        topic = find_topic(options["topic"], options["user"])
        console = console_on(self.stdout)
        try:
            run_id = start_collecting(topic.owner, topic, limit=limit, dry_run=options["dry_run"]).id
        except AlreadyRunning as error:
            console.print(f"“{topic.name}” is being collected already; this is that run.")
            run_id = str(error.run_id)
        run = see_through(run_id, console)
        print_outcome(run, console)
        if run.status == Status.FAILED:
            raise CommandError("The run failed.")
        if run.status != Status.COMPLETED:
            raise CommandError("The run was cancelled.", returncode=130)


def find_topic(wanted: str, username: str = "") -> Topic:
    """The topic of this name or id. Raises CommandError with what there is to choose from."""
    topics = Topic.objects.select_related("owner").order_by("name", "owner__username")
    if username:
        topics = topics.filter(owner__username=username)
    found = list(topics)
    if wanted:
        named = [topic for topic in found if topic.name.casefold() == wanted.casefold()]
        found = named or [topic for topic in found if str(topic.pk) == wanted]
    if len(found) == 1:
        return found[0]
    if not found:
        there = ", ".join(f"“{topic.name}” ({topic.pk})" for topic in topics[:20])
        raise CommandError(f"No such topic. There is {there}." if there else "There is no topic yet.")
    choices = ", ".join(f"“{topic.name}” of {topic.owner.get_username()} ({topic.pk})" for topic in found[:20])
    raise CommandError(f"Which one? Say --topic with a name or an id: {choices}.")

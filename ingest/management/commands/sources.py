"""`manage.py sources`: a topic's sources from the terminal."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, no_translations
from rich.markup import escape
from rich.table import Table

from ingest.models import Topic
from ingest.sources.exporting import write_csv, write_opml
from ingest.sources.importing import import_lines
from ingest.sources.jobs import SMALL, start_import
from ingest.sources.lines import UnreadableList, read_list
from ingest.sources.listing import SHOWN, Filters, present_source
from ingest.terminal import see_through
from tasks.exceptions import AlreadyRunning
from tasks.models import TaskRun
from tasks.states import Status
from tasks.terminal import ago, console_on

from .collect import find_topic

_STYLES = {"good": "green", "bad": "red", "neutral": "dim"}


class Command(BaseCommand):
    """List, import and export."""

    help = "A topic's sources: list them with their health, import OPML, CSV or addresses, export OPML or CSV."

    def add_arguments(self, parser: CommandParser) -> None:
        """One of three actions."""
        actions = parser.add_subparsers(dest="action", required=True)
        for name, words in (
            ("list", "the sources and how they are doing"),
            ("import", "take a list: OPML, CSV, or one address a line"),
            ("export", "write OPML, or CSV with --csv"),
        ):
            action = actions.add_parser(name, help=words)
            action.add_argument("--topic", default="", help="Name or id; not needed while there is only one.")
            action.add_argument("--user", default="", help="Whose topic, if several people have one of that name.")
            if name == "list":
                action.add_argument("--show", choices=SHOWN, default="all", help="Only those in this health.")
            elif name == "import":
                action.add_argument("file", help="The list; - reads what is piped in.")
                action.add_argument("--look", action="store_true", help="Some are sites: look for their feeds.")
            else:
                action.add_argument("--csv", action="store_true", help="CSV instead of OPML.")

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        """Do it for the topic that is meant."""
        topic = find_topic(options["topic"], options["user"])
        {"list": self._list, "import": self._import, "export": self._export}[options["action"]](topic, options)

    def _list(self, topic: Topic, options: dict[str, Any]) -> None:
        console = console_on(self.stdout)
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
        for title in ("Health", "Source", "Folder", "Read", "Next", "Trouble"):
            table.add_column(title, no_wrap=title in {"Health", "Read", "Next"}, overflow="fold")
        sources = Filters(show=options["show"]).select(topic.sources.select_related("topic"))
        for source in sources.order_by("-failures", "folder", "title", "url"):
            view = present_source(source)
            table.add_row(
                f"[{_STYLES[view.tone]}]{view.word}[/]",
                escape(str(source)),
                escape(source.folder),
                ago(source.last_checked_at),
                ago(view.next_at),
                escape(view.trouble),
            )
        console.print(table if table.row_count else f"No source of “{escape(topic.name)}” to show.")

    def _import(self, topic: Topic, options: dict[str, Any]) -> None:
        console = console_on(self.stdout)
        try:
            body = sys.stdin.buffer.read() if options["file"] == "-" else Path(options["file"]).read_bytes()
            lines = asyncio.run(read_list(body))
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from None
        except UnreadableList as error:
            raise CommandError(str(error)) from None
        if len(lines) <= SMALL and not options["look"]:
            report = import_lines(topic, lines)
            console.print(f"{report}.")
            failures: list[dict[str, Any]] = [one.as_json() for one in report.failures]
        else:
            run = self._watched(topic, lines, options)
            console.print(run.message and f"{escape(run.message)}.")
            failures = (run.result or {}).get("failures", [])
        for one in failures:
            console.print(f"  line {one['line']}: {escape(one['url'] or one['title'])} [red]{escape(one['why'])}[/]")

    def _watched(self, topic: Topic, lines: Any, options: dict[str, Any]) -> TaskRun:
        try:
            run_id = start_import(topic, lines, look=options["look"]).id
        except AlreadyRunning as error:
            raise CommandError(f"Another import is under way: {error.run_id}.") from None
        run = see_through(run_id, console_on(self.stdout))
        if run.status != Status.COMPLETED:
            raise CommandError(f"The import did not end well: {run.error or run.get_status_display().lower()}.")
        return run

    def _export(self, topic: Topic, options: dict[str, Any]) -> None:
        rows = topic.sources.order_by("folder", "pk")
        self.stdout.write(write_csv(rows) if options["csv"] else write_opml(rows, title=topic.name), ending="")

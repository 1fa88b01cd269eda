"""`manage.py analyze`: a bulk analysis from the terminal. What is read goes to stdout, everything else to stderr.

Exit codes: 0 done; 1 it cannot be done, or the run failed, and why; 2 lines that cannot be used, nothing was started;
130 the run was cancelled (Ctrl-C does that), and what was decided is kept.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.management.base import BaseCommand, CommandError, CommandParser, no_translations
from rich.markup import escape

from ingest.addresses import MAX_BYTES, MAX_URLS, Addresses, first_bad, read_file
from ingest.analyzed import ARTICLES
from ingest.fetching.fetch import allowed_hosts
from ingest.jobs import start_bulk_analysis
from ingest.rules import BadKeyword, read_lines
from ingest.terminal import NewRows, print_outcome, see_through
from tasks import exports
from tasks.models import TaskRun
from tasks.states import Status
from tasks.terminal import console_on

from .collect import find_topic

BAD_LINES, CANCELLED = 2, 130


class Command(BaseCommand):
    """Read the addresses of a file, and show what came of each."""

    help = "Read up to 10,000 addresses and judge them: a bar while it lasts, then the outcome. Ctrl-C cancels."

    def add_arguments(self, parser: CommandParser) -> None:
        """What to read, by what to judge it, how to say what came of it."""
        parser.add_argument("file", help="text or CSV; - for standard input")
        parser.add_argument("--topic", default="", help="name or id of the topic whose rules judge")
        parser.add_argument(
            "--keyword", action="append", default=[], metavar="WORDS", help="in place of a topic; may be given again"
        )
        parser.add_argument("--user", default="", help="whose run it is, if that is not clear")
        parser.add_argument("--threshold", type=float, help="relevance from 0 to 1; the topic's own if left out")
        parser.add_argument("--save", action="store_true", help="keep what is read as articles of the topic")
        parser.add_argument("--skip-invalid", action="store_true", help="go on without lines that cannot be used")
        parser.add_argument("--check", action="store_true", help="look at the lines only, and start nothing")
        parser.add_argument("--watch", action="store_true", help="say what came of each address as it comes")
        parser.add_argument("--format", choices=["table", "csv", "json"], default="table")

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        """Look at the lines, enqueue, see to it that somebody works, watch, tell."""
        self.stderr.style_func = None
        console = console_on(self.stderr)
        owner, topic = self._by_what(options)
        addresses = read_file(_contents(options["file"]), options["file"], allowed_hosts())
        for bad in first_bad(addresses):
            console.print(escape(f"line {bad.number}: {bad.reason}  {bad.text[:80]}"), soft_wrap=True)
        console.print(f"{addresses.summary}.", soft_wrap=True)
        _refuse(addresses, options)
        if options["check"]:
            return
        run_id = start_bulk_analysis(
            owner,
            addresses.urls,
            topic,
            keywords=options["keyword"],
            relevance_threshold=options["threshold"],
            save=options["save"],
        )
        console.print(f"Run {run_id}", soft_wrap=True)
        run = see_through(run_id, console, NewRows(console, ARTICLES) if options["watch"] else None)
        self._tell(run, options["format"])

    def _by_what(self, options: dict[str, Any]) -> tuple[AbstractBaseUser, str]:
        """Whose run, and the name of the topic, or of the first keyword. Raises CommandError."""
        threshold = options["threshold"]
        if threshold is not None and not 0 <= threshold <= 1:
            raise CommandError("--threshold must be from 0 to 1.")
        if options["topic"] and options["keyword"]:
            raise CommandError("Say --topic or --keyword: a topic has keywords of its own.")
        if not options["keyword"]:
            topic = find_topic(options["topic"], options["user"])
            return topic.owner, topic.name
        if options["save"]:
            raise CommandError("--save needs a --topic to keep the articles in.")
        try:
            keywords = read_lines(options["keyword"])
        except BadKeyword as error:
            raise CommandError(str(error)) from None
        if not keywords.include:
            raise CommandError("--keyword: there is nothing to look for.")
        return find_user(options["user"]), keywords.include[0].phrase

    def _tell(self, run: TaskRun, form: str) -> None:
        if form == "table":
            print_outcome(run, console_on(self.stdout))
        else:
            self.stdout.ending = ""
            parts: Iterable[str] = (exports.as_csv if form == "csv" else exports.as_json)(run, ARTICLES)
            for part in parts:
                self.stdout.write(part)
        if run.status == Status.FAILED:
            raise CommandError(f"The run failed. {run.error}")
        if run.status != Status.COMPLETED:
            raise CommandError("The run was cancelled; what was decided is kept.", returncode=CANCELLED)


def find_user(username: str) -> AbstractBaseUser:
    """The user of this name, or the only one there is. Raises CommandError."""
    users = get_user_model()._default_manager.filter(is_active=True)
    found = list(users.filter(username=username) if username else users[:2])
    if len(found) != 1:
        raise CommandError(f"There is no user {username}." if username else "Whose run is it? Say --user.")
    return found[0]


def _contents(name: str) -> bytes:
    try:
        if name == "-":
            body = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                body = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from None
    if len(body) > MAX_BYTES:
        raise CommandError(f"{name} is too large: {MAX_BYTES // 1_000_000} MB at most.")
    return body


def _refuse(addresses: Addresses, options: dict[str, Any]) -> None:
    if addresses.bad and not options["skip_invalid"]:
        raise CommandError(
            "Nothing was started. Mend these lines, or go on without them: --skip-invalid.", returncode=BAD_LINES
        )
    if not addresses.urls:
        raise CommandError("There is no address to read.", returncode=BAD_LINES)
    if addresses.too_many:
        raise CommandError(f"One run reads {MAX_URLS:,} addresses at most. Split the file.", returncode=BAD_LINES)

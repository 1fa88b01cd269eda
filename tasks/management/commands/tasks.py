"""`manage.py tasks`: look at runs, and decide their fate, from a terminal.

Exit codes: 0 done (watch: completed); 1 it cannot be done, and why; 2 wrong usage; of watch also 3 the run failed,
4 the run was cancelled, 130 Ctrl-C: the run goes on.
"""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser, no_translations
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone
from rich.markup import escape
from rich.progress import track

from tasks import bulk, lifecycle, manager, queues, schedules, terminal
from tasks.bulk import Action
from tasks.exceptions import TaskManagerError
from tasks.filters import SPANS, Filters
from tasks.listing import newest
from tasks.models import Schedule, TaskRun
from tasks.states import Status

FAILED, CANCELLED, INTERRUPTED = 3, 4, 130
SHORTEST_ID = 4
STATUSES = [status.value for status in Status]


class Command(BaseCommand):
    """list, show, watch, cancel, retry, schedules, cleanup, stats, pause, resume."""

    help = "Look at background runs, and cancel, retry or clean them up."

    def add_arguments(self, parser: CommandParser) -> None:
        """One sub-command for each thing to do."""
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="what")
        listing = verbs.add_parser("list", help="the newest runs")
        _add_filters(listing)
        listing.add_argument("--queue", default="")
        listing.add_argument("--limit", type=int, default=20)
        listing.add_argument("--json", action="store_true", help="one JSON object per line")
        show = verbs.add_parser("show", help="one run")
        show.add_argument("id", help="id, or how it begins")
        show.add_argument("--json", action="store_true")
        watch = verbs.add_parser("watch", help="follow a run with a bar; exits 0 completed, 3 failed, 4 cancelled")
        watch.add_argument("id", help="id, or how it begins")
        for verb, words in (("cancel", "stop runs for good"), ("retry", "start failed or cancelled runs again")):
            each = verbs.add_parser(verb, help=f"{words}: those named, or all that match")
            each.add_argument("id", nargs="*", help="id, or how it begins")
            _add_filters(each)
            each.add_argument("--all", action="store_true", help="without a filter: every run")
            each.add_argument("--yes", action="store_true", help="do not ask after counting")
            if verb == "retry":
                each.add_argument("--failed-items", action="store_true", help="of the runs named, what failed alone")
        schedules = verbs.add_parser("schedules", help="what the clock starts")
        schedules.add_argument("do", nargs="?", choices=["list", "enable", "disable", "run"], default="list")
        schedules.add_argument("name", nargs="?", default="")
        cleanup = verbs.add_parser("cleanup", help="delete runs that ended long ago")
        cleanup.add_argument("--max-age-hours", type=float, help="default: as long as each task's runs are kept")
        cleanup.add_argument("--include-kept", action="store_true", help="also runs that their task keeps for longer")
        verbs.add_parser("stats", help="counts, queues, workers")
        for verb, words in (("pause", "let workers take nothing from a queue"), ("resume", "let them take again")):
            verbs.add_parser(verb, help=words).add_argument("queue")

    @no_translations  # the words of the command line are English: manuals and scripts quote them
    def handle(self, *args: Any, **options: Any) -> None:
        """Do the one thing that was asked."""
        self.console = terminal.console_on(self.stdout)
        verb: Callable[[dict[str, Any]], None] = getattr(self, f"_{options['verb']}")
        verb(options)

    def _list(self, options: dict[str, Any]) -> None:
        if options["limit"] < 1:
            raise CommandError("--limit must be 1 or more.")
        runs = TaskRun.objects.select_related("owner")
        if options["queue"]:
            runs = runs.filter(queue=options["queue"])
        found = newest(runs, _filters_of(options), limit=options["limit"])
        if options["json"]:
            for run in found:
                self._print_json(run, indent=None)
        elif found:
            self.console.print(terminal.table_of_runs(found, width=self.console.width))
        else:
            self.console.print("No run matches.")

    def _show(self, options: dict[str, Any]) -> None:
        run = find_run(options["id"])
        if options["json"]:
            self._print_json(run, indent=2)
        else:
            self.console.print(terminal.facts_of_run(run))

    def _watch(self, options: dict[str, Any]) -> None:
        run = find_run(options["id"])
        try:
            run = terminal.watch(run.pk, self.console)
        except KeyboardInterrupt:
            raise CommandError(
                f"Watching has stopped; the run goes on. `manage.py tasks cancel {run.pk}` stops it.",
                returncode=INTERRUPTED,
            ) from None
        except TaskRun.DoesNotExist:
            raise CommandError("The run was deleted meanwhile.") from None
        words = f"{run.name}: {run.get_status_display().lower()}."
        if run.status == Status.FAILED:
            raise CommandError(f"{words} {run.error}", returncode=FAILED)
        if run.status == Status.CANCELLED:
            raise CommandError(words, returncode=CANCELLED)
        self.console.print(escape(f"{words} {run.message}".rstrip()))

    def _cancel(self, options: dict[str, Any]) -> None:
        def cancel(run: TaskRun) -> str:
            now = lifecycle.cancel(run, reason="In the terminal.")
            return "is cancelled" if now.is_final else "is being cancelled"

        if options["id"]:
            self._each(self._ids_alone(options), cancel)
        else:
            self._all_that_match(Action.CANCEL, options)

    def _retry(self, options: dict[str, Any]) -> None:
        if not options["id"]:
            if options["failed_items"]:
                raise CommandError("--failed-items needs the ids of the runs that are meant.")
            self._all_that_match(Action.RETRY, options)
            return
        self._ids_alone(options)
        start = lifecycle.retry_failed_items if options["failed_items"] else lifecycle.retry
        self._each(options["id"], lambda run: f"runs again as {start(run).pk}")

    def _ids_alone(self, options: dict[str, Any]) -> list[str]:
        """The ids that were named; with a filter beside them nobody knows what was meant."""
        if _asked(options) or options["all"]:
            raise CommandError("Give ids, or a filter, not both.")
        ids: list[str] = options["id"]
        return ids

    def _all_that_match(self, action: Action, options: dict[str, Any]) -> None:
        """Count, ask, and do it to exactly those that were counted."""
        filters = _filters_of(options)
        if not filters.any and not options["all"]:
            raise CommandError(f"Give ids, a filter, or --all for every run that can be {_DONE[action]}.")
        matching = bulk.takeable(TaskRun.objects.all(), filters, action).values_list("pk", "name")
        found = list(matching[: bulk.MOST])
        if not found:
            raise CommandError(f"No run that can be {_DONE[action]} matches.")
        for name, times in Counter(name for _pk, name in found).most_common(bulk.NAMES_SHOWN):
            self.console.print(escape(f"{times:>7,} × {name}"))
        number = f"{len(found):,} run{'' if len(found) == 1 else 's'}"
        more = " (the oldest of more)" if len(found) == bulk.MOST else ""
        if not options["yes"] and not self._agreed(f"{action.value.capitalize()} {number}{more}? [y/N] "):
            raise CommandError("Nothing was done.")
        done = 0
        for pk, _name in track(found, "Working", console=self.console, transient=True):
            run = TaskRun.objects.filter(pk=pk).first()
            done += run is not None and bulk.take(run, action, by=None)
        left = f"; {len(found) - done:,} had moved on" if done < len(found) else ""
        self.console.print(f"{done:,} of {number} {_DONE[action]}{left}.")

    def _agreed(self, question: str) -> bool:
        try:
            return input(question).strip().lower() in {"y", "yes"}
        except EOFError:  # nobody is there to answer: --yes says so beforehand
            return False

    def _schedules(self, options: dict[str, Any]) -> None:
        if options["do"] == "list":
            found = list(Schedule.objects.all())
            table = terminal.table_of_schedules(found, width=self.console.width)
            self.console.print(table if found else "There is no schedule.")
            return
        schedule = Schedule.objects.filter(name=options["name"]).first()
        if schedule is None:
            names = ", ".join(Schedule.objects.values_list("name", flat=True)[:20]) or "none"
            raise CommandError(f"There is no schedule {options['name']!r}. There is: {names}.")
        try:
            match options["do"]:
                case "enable":
                    when = terminal.ago(schedules.enable(schedule).next_run_at)
                    said = f"is on; next {when}" if when else "is on"
                case "disable":
                    schedules.disable(schedule)
                    said = "is off; a run that is under way goes on"
                case _:
                    said = f"runs as {schedules.run_now(schedule).pk}"
        except TaskManagerError as error:
            raise CommandError(str(error)) from None
        self.console.print(escape(f"{schedule.name} {said}."), soft_wrap=True)

    def _cleanup(self, options: dict[str, Any]) -> None:
        hours = options["max_age_hours"]
        if options["include_kept"] and hours is None:
            raise CommandError("--include-kept needs --max-age-hours: how old is old enough?")
        try:
            deleted = manager.cleanup_old_tasks(hours, include_kept=options["include_kept"])
        except (ValueError, OverflowError):
            raise CommandError("--max-age-hours must be zero or more, and a number of hours that has passed.") from None
        age = "that need not be kept any longer" if hours is None else f"that ended over {hours:g} hours ago"
        self.console.print(f"{deleted:,} run{'' if deleted == 1 else 's'} deleted {age}.")

    def _stats(self, options: dict[str, Any]) -> None:
        self.console.print(terminal.table_of_stats())

    def _pause(self, options: dict[str, Any]) -> None:
        queue = self._queue(queues.pause, options["queue"])
        waiting = f"{queue.waiting:,} run{'' if queue.waiting == 1 else 's'}"
        self.console.print(escape(f"{queue.name} is paused. {waiting} waiting; what runs, runs on."))

    def _resume(self, options: dict[str, Any]) -> None:
        queue = self._queue(queues.resume, options["queue"])
        self.console.print(escape(f"{queue.name} goes on, with {queue.waiting:,} waiting."))

    def _queue(self, change: Callable[[str], queues.QueueView], name: str) -> queues.QueueView:
        try:
            return change(name)
        except TaskManagerError as error:
            raise CommandError(str(error)) from None

    def _each(self, ids: list[str], change: Callable[[TaskRun], str]) -> None:
        """Do it to every one; what is wrong with one does not keep the others from being done."""
        refused = 0
        for text in ids:
            try:
                run = find_run(text)
                self.console.print(escape(f"{run.pk} {run.name}: {change(run)}."), soft_wrap=True)
            except (CommandError, TaskManagerError) as error:
                refused += 1
                self.stderr.write(f"{text}: {error}")
        if refused:
            raise CommandError(f"{refused} of {len(ids)} left as they are.")

    def _print_json(self, run: TaskRun, *, indent: int | None) -> None:
        # Not through the console, which would wrap it.
        self.stdout.write(json.dumps(manager.as_dict(run), cls=DjangoJSONEncoder, indent=indent) + "\n")


def _add_filters(parser: CommandParser) -> None:
    """The filters of the list, for one sub-command."""
    parser.add_argument("-q", "--search", default="", metavar="WORDS", help="of name, topic, task or arguments")
    parser.add_argument("--status", choices=STATUSES, action="append", help="may be given again")
    parser.add_argument("--name", default="", help="words of the name, or how they begin")
    parser.add_argument("--topic", default="")
    parser.add_argument("--owner", default="", help="username")
    parser.add_argument(
        "--last", default="", choices=["", *SPANS], metavar="|".join(SPANS), help="created in the last …"
    )
    parser.add_argument("--created-after", default="", metavar="TIME", help="such as 2026-11-24 or 2026-11-24T08:30Z")
    parser.add_argument("--created-before", default="", metavar="TIME")


def _asked(options: dict[str, Any]) -> dict[str, str]:
    """The filters that were given, as in an address."""
    same = ("name", "topic", "owner", "last", "created_after", "created_before")
    asked = {key: options[key] for key in same} | {"q": options["search"], "status": ",".join(options["status"] or [])}
    return {key: value for key, value in asked.items() if value}


def _filters_of(options: dict[str, Any]) -> Filters:
    asked = _asked(options)
    filters = Filters.of(asked).frozen(timezone.now())
    blank = {key: "is there, but empty." for key, value in asked.items() if not value.strip()}
    if wrong := {**filters.wrong, **blank}:
        flags = {"q": "search"}
        said = (f"--{flags.get(key, key).replace('_', '-')}: {sentence}" for key, sentence in wrong.items())
        raise CommandError(" ".join(said))
    return filters


_DONE = {Action.CANCEL: "cancelled", Action.RETRY: "retried"}


def find_run(text: str) -> TaskRun:
    """The run whose id is, or begins with, `text`. Raises CommandError that says what is wrong with it."""
    digits = text.replace("-", "").lower()
    if not digits or len(digits) > 32 or any(digit not in "0123456789abcdef" for digit in digits):
        raise CommandError(
            f"{text!r} is no id of a run: those look like 1f0c2a9e-…; `manage.py tasks list` shows them."
        )
    if len(digits) < SHORTEST_ID:
        raise CommandError(f"{text!r} is too short: give {SHORTEST_ID} characters of the id or more.")
    first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    found = list(TaskRun.objects.select_related("owner").filter(pk__range=(first, last))[:3])
    if not found:
        raise CommandError(f"There is no run {text}. It may have been cleaned up.")
    if len(found) > 1:
        raise CommandError(f"Several runs begin with {text}: {', '.join(str(run.pk) for run in found[:2])}, …")
    return found[0]

"""Runs in the terminal: a bar that follows one, and tables."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from time import monotonic, sleep
from uuid import UUID

from django.core.management.base import OutputWrapper
from django.utils import timezone
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from . import queues, tickets
from .manager import get_task_summary
from .models import Schedule, TaskRun
from .presenters import WORDS, duration_text

# How often the row is read: as often as it is written.
LOOK_EVERY_SECONDS = 0.2
WIDE = 110  # columns: whole ids leave room for names
SHORT_ID = 8
LONGEST_OWNER = 14
NARROWEST_NAME = 10
GAP = 1
_STYLES = {"neutral": "", "info": "cyan", "warn": "yellow", "good": "green", "bad": "red"}


def console_on(stdout: OutputWrapper) -> Console:
    """A console that writes where a command writes."""
    stdout.ending = ""  # Django would end each redrawing of a bar with a new line
    return Console(file=stdout, highlight=False)  # type: ignore[arg-type]


def new_bar(console: Console) -> Progress:
    """A bar for one run; add a line to it with `new_line`."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[item]}", markup=True),
        console=console,
    )


def new_line(bar: Progress) -> TaskID:
    """The line of a run of which nothing is known yet."""
    return bar.add_task("Waiting", total=None, item="", count="")


def watch(run_id: UUID | str, console: Console) -> TaskRun:
    """Draw the run's progress until it has ended, and return it. Raises TaskRun.DoesNotExist when it is deleted."""
    with new_bar(console) as bar:
        return follow(run_id, bar, new_line(bar))


def follow(
    run_id: UUID | str,
    bar: Progress,
    line: TaskID,
    *,
    seconds: float | None = None,
    also: Callable[[TaskRun], None] | None = None,
) -> TaskRun:
    """Redraw `line` until the run has ended, or for so many seconds. Returns the run as it was seen last.

    `also` is called with the run at each look.
    """
    deadline = None if seconds is None else monotonic() + seconds
    while True:
        run = TaskRun.objects.get(pk=run_id)
        _show(run, bar, line)
        if also is not None:
            also(run)
        if run.is_final or (deadline is not None and monotonic() > deadline):
            return run
        sleep(LOOK_EVERY_SECONDS)


def table_of_runs(runs: Iterable[TaskRun], *, width: int) -> Table:
    """One line for each run, `width` wide at most. A narrow terminal gets the beginnings of ids, which do as well."""
    rows = [
        (
            str(run.pk) if width >= WIDE else run.pk.hex[:SHORT_ID],
            word_of(run),
            f"{int(run.progress)}%" if run.total_items else "",
            run.name,
            "" if run.owner is None else escape(_cut(run.owner.get_username(), LONGEST_OWNER)),
            ago(run.created_at),
        )
        for run in runs
    ]
    return _table(("Id", "Status", "Done", "Name", "Owner", "Created"), rows, width=width)


def table_of_schedules(found: Iterable[Schedule], *, width: int) -> Table:
    """One line for each schedule, `width` wide at most."""
    rows = [
        (
            row.name,
            "[red]trouble[/]" if row.last_error else "on" if row.enabled else "off",
            escape(_cut(row.cron, 20) or f"every {duration_text((row.interval or timedelta()).total_seconds())}"),
            ago(row.last_run_at),
            ago(row.next_run_at),
        )
        for row in found
    ]
    return _table(("Name", "State", "Starts", "Last", "Next"), rows, width=width)


def _table(titles: Sequence[str], rows: Iterable[tuple[str, ...]], *, width: int) -> Table:
    """A table whose column "Name" gets the room that the others leave. The others are markup."""
    lines, named = list(rows), titles.index("Name")
    widths = [
        max([len(title), *(_length(line[at], markup=at != named) for line in lines)]) for at, title in enumerate(titles)
    ]
    room = max(NARROWEST_NAME, width - sum(widths) + widths[named] - GAP * len(titles))
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for title in titles:
        table.add_column(title, justify="right" if title == "Done" else "left", no_wrap=True)
    for line in lines:
        table.add_row(*line[:named], escape(_cut(line[named], room)), *line[named + 1 :])
    return table


def _length(text: str, *, markup: bool) -> int:
    return (Text.from_markup(text) if markup else Text(text)).cell_len


def _cut(text: str, room: int) -> str:
    """`text`, or its beginning and an ellipsis, in so many columns."""
    cut = Text(text)
    cut.truncate(room, overflow="ellipsis")
    return cut.plain


def facts_of_run(run: TaskRun) -> Table:
    """Everything about one run that a person at a terminal asks for."""
    facts = _facts()
    count = "" if run.total_items is None else f" of {run.total_items:,}"
    rows: list[tuple[str, object]] = [
        ("Id", run.pk),
        ("Name", escape(run.name)),
        ("Status", word_of(run)),
        ("Task", run.task),
        ("Owner", escape(run.owner.get_username()) if run.owner else ""),
        ("Topic", escape(run.topic)),
        ("Queue", run.queue + (f", priority {run.priority}" if run.priority else "")),
        ("Queue paused", _since(queues.paused_since([run.queue]).get(run.queue)) if not run.is_final else ""),
        ("Done", f"{run.processed_items:,}{count}" if run.processed_items or count else ""),
        ("Stage", escape(run.stage)),
        ("Item", escape(run.current_item)),
        ("Message", escape(run.message)),
        ("Attempt", f"{run.attempt}, {run.max_attempts} tries at most"),
        ("Created", _since(run.created_at)),
        ("Not before", _since(run.run_after)),
        ("Started", _since(run.started_at)),
        ("Ended", _since(run.completed_at)),
        ("Worker", run.worker),
        ("Repeats", run.retry_of_id or ""),
        ("Error", escape(run.error)),
    ]
    for name, value in rows:
        if value not in ("", None):
            facts.add_row(name, str(value))
    return facts


def table_of_stats() -> Table:
    """How many runs there are, which queues wait, whether somebody works."""
    facts = _facts()
    summary = get_task_summary()
    facts.add_row("Runs", f"{summary['total']:,}")
    for status, (word, _tone) in WORDS.items():
        if status in summary:
            facts.add_row(f"  {word}", f"{summary[status]:,}")
    for queue in queues.overview():
        paused = f", [yellow]paused {ago(queue.paused_at)}[/]" if queue.paused_at else ""
        facts.add_row(f"Queue {escape(queue.name)}", f"{queue.waiting:,} waiting, {queue.running:,} running{paused}")
    heard = tickets.last_heartbeat()
    facts.add_row("Worker", "none" if heard is None else f"last heard of {ago(heard)}")
    enabled = Schedule.objects.filter(enabled=True)
    first = enabled.exclude(next_run_at=None).order_by("next_run_at").values_list("name", "next_run_at").first()
    if first is not None:
        facts.add_row("Schedules", f"{enabled.count():,} on; next: {escape(first[0])}, {ago(first[1])}")
    return facts


def word_of(run: TaskRun) -> str:
    """The run's status as a person reads it, in its colour."""
    word, tone = WORDS["cancelling" if run.is_cancelling else run.status]
    style = _STYLES[tone]
    return f"[{style}]{word}[/]" if style else str(word)


def ago(moment: datetime | None) -> str:
    """`5 min ago`, `in 2 h`."""
    if moment is None:
        return ""
    seconds = (timezone.now() - moment).total_seconds()
    return f"{duration_text(seconds)} ago" if seconds >= 0 else f"in {duration_text(-seconds)}"


def _since(moment: datetime | None) -> str:
    return "" if moment is None else f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S %Z} ({ago(moment)})"


def _facts() -> Table:
    facts = Table(box=None, pad_edge=False, show_header=False)
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    return facts


def _show(run: TaskRun, bar: Progress, line: TaskID) -> None:
    stage = run.get_status_display() if run.is_final else run.stage or run.get_status_display()
    count = "" if run.total_items is None else f"{run.processed_items:,} of {run.total_items:,}  {int(run.progress)}%"
    bar.update(
        line,
        description=f"{escape(stage):<18}",
        # The run's own figure: it stays below 100 until the run has ended.
        completed=run.progress,
        total=None if run.total_items is None and not run.is_final else 100,
        count=count,
        item="" if run.is_final else escape(run.current_item[: max(20, bar.console.width - 85)]),
    )

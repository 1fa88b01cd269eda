"""A run in the terminal: a bar while it lasts, a table of what came of it."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TaskID
from rich.table import Table

from tasks import lifecycle
from tasks.background import BackgroundWorker, somebody_works
from tasks.exceptions import TransitionRefused
from tasks.item_style import ItemStyle
from tasks.models import TaskItem, TaskRun
from tasks.states import Status
from tasks.terminal import follow, new_bar, new_line

from .decisions import Decision, Failure

CANCEL_WITHIN_SECONDS = 10.0


class NewRows:
    """Says what came of each item of a run since it was last asked to."""

    def __init__(self, console: Console, style: ItemStyle) -> None:
        self._console = console
        self._words = {label.key: str(label.word) for label in style.labels}
        self._after: datetime | None = None

    def __call__(self, run: TaskRun) -> None:
        """One line for each, above the bar."""
        new = run.items.exclude(outcome=TaskItem.Outcome.WAITING).order_by("at", "pk")
        if self._after is not None:
            new = new.filter(at__gt=self._after)
        for item in new:
            self._after = item.at
            row = item.data if isinstance(item.data, dict) else {}
            word = self._words.get(item.label) or item.get_outcome_display()
            said = " · ".join(filter(None, (row.get("title"), row.get("reason") or item.error)))
            self._console.print(f"[bold]{escape(word):<16}[/] {escape(item.key)}  [dim]{escape(said)}[/]")


def watch(run_id: UUID | str, console: Console, also: Callable[[TaskRun], None] | None = None) -> TaskRun:
    """Draw the run's progress until it has ended, and return it. Ctrl-C cancels the run, and waits for that.

    `also` is called with the run at each look.
    """
    with new_bar(console) as bar:
        line = new_line(bar)
        try:
            return follow(run_id, bar, line, also=also)
        except KeyboardInterrupt:
            bar.update(line, description="Cancelling", item="")
            return _cancel(run_id, bar, line)


def see_through(run_id: UUID | str, console: Console, also: Callable[[TaskRun], None] | None = None) -> TaskRun:
    """Watch the run to its end, done by a worker of our own where there is none anywhere; the run as it has ended.

    `also` is called with the run at each look.
    """
    worker = None if somebody_works() else BackgroundWorker().start()
    try:
        run = watch(run_id, console, also=also)
    finally:
        if worker is not None:
            worker.stop()
    run.refresh_from_db()
    return run


def _cancel(run_id: UUID | str, bar: Progress, line: TaskID) -> TaskRun:
    # Refused: it ended first.
    with suppress(TransitionRefused):
        lifecycle.cancel(TaskRun.objects.get(pk=run_id), reason="Ctrl-C in the terminal")
    return follow(run_id, bar, line, seconds=CANCEL_WITHIN_SECONDS)


def print_outcome(run: TaskRun, console: Console) -> None:
    """The numbers of a collection that has ended, or why there are none."""
    if run.status != Status.COMPLETED or not isinstance(run.result, dict):
        console.print(f"[bold]{escape(run.name)}[/]: {run.get_status_display().lower()}. {escape(run.error)}".rstrip())
        return
    result = run.result
    table = Table(title=escape(run.name), title_justify="left", min_width=44)
    table.add_column("What became of them")
    table.add_column("Articles", justify="right")
    for decision in Decision:
        if number := result["decisions"].get(decision.value):
            table.add_row(str(decision.label), f"{number:,}", style="green" if decision == Decision.APPROVED else None)
        if decision == Decision.FAILED:
            for code, number in sorted(result["failures"].items(), key=lambda pair: -pair[1]):
                table.add_row(f"  {Failure(code).label}", f"{number:,}", style="dim")
    table.add_section()
    table.add_row("Processed", f"{result['processed']:,}", style="bold")
    console.print(table)
    speed = result.get("articles_per_second")
    new = f"{result['found']:,} new, " if "found" in result else ""
    console.print(f"{new}{result['seconds']:.1f} s" + (f", {speed:.1f} articles a second" if speed else ""))

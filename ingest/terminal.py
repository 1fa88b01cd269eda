"""A run in the terminal: a bar while it lasts, a table of what came of it."""

from contextlib import suppress
from uuid import UUID

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TaskID
from rich.table import Table

from tasks import lifecycle
from tasks.exceptions import TransitionRefused
from tasks.models import TaskRun
from tasks.states import Status
from tasks.terminal import follow, new_bar, new_line

from .decisions import Decision, Failure

CANCEL_WITHIN_SECONDS = 10.0


def watch(run_id: UUID | str, console: Console) -> TaskRun:
    """Draw the run's progress until it has ended, and return it. Ctrl-C cancels the run, and waits for that."""
    with new_bar(console) as bar:
        line = new_line(bar)
        try:
            return follow(run_id, bar, line)
        except KeyboardInterrupt:
            bar.update(line, description="Cancelling", item="")
            return _cancel(run_id, bar, line)


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
    console.print(
        f"{result['found']:,} new, {result['seconds']:.1f} s" + (f", {speed:.1f} articles a second" if speed else "")
    )

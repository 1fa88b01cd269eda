"""A run in the terminal: a bar while it lasts, a table of what came of it."""

import time
from contextlib import suppress
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from tasks import lifecycle
from tasks.exceptions import TransitionRefused
from tasks.models import TaskRun
from tasks.states import Status

from .decisions import Decision, Failure

# How often the row is read: as often as it is written.
LOOK_EVERY_SECONDS = 0.2
CANCEL_WITHIN_SECONDS = 10.0


def watch(run_id: UUID | str, console: Console) -> TaskRun:
    """Draw the run's progress until it has ended, and return it. Ctrl-C cancels the run, and waits for that."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[item]}", markup=True),
        console=console,
    ) as bar:
        line = bar.add_task("Waiting", total=None, item="", count="")
        try:
            return _follow(run_id, bar, line)
        except KeyboardInterrupt:
            bar.update(line, description="Cancelling", item="")
            return _cancel(run_id, bar, line)


def _follow(run_id: UUID | str, bar: Progress, line: Any, *, seconds: float | None = None) -> TaskRun:
    deadline = None if seconds is None else time.monotonic() + seconds
    while True:
        run = TaskRun.objects.get(pk=run_id)
        _show(run, bar, line)
        if run.is_final or (deadline is not None and time.monotonic() > deadline):
            return run
        time.sleep(LOOK_EVERY_SECONDS)


def _show(run: TaskRun, bar: Progress, line: Any) -> None:
    stage = run.get_status_display() if run.is_final else run.stage or run.get_status_display()
    count = "" if run.total_items is None else f"{run.processed_items:,} of {run.total_items:,}  {int(run.progress)}%"
    bar.update(
        line,
        description=f"{stage:<18}",
        # The run's own figure: it stays below 100 until the run has ended.
        completed=run.progress,
        total=None if run.total_items is None and not run.is_final else 100,
        count=count,
        item="" if run.is_final else escape(run.current_item[: max(20, bar.console.width - 85)]),
    )


def _cancel(run_id: UUID | str, bar: Progress, line: Any) -> TaskRun:
    # Refused: it ended first.
    with suppress(TransitionRefused):
        lifecycle.cancel(TaskRun.objects.get(pk=run_id), reason="Ctrl-C in the terminal")
    return _follow(run_id, bar, line, seconds=CANCEL_WITHIN_SECONDS)


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

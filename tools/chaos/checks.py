"""The count at the end: of the database, and of what functions left in files. Each answer lists what is wrong."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection

from notifications.models import Notification
from tasks.lifecycle import MAX_RESCUES
from tasks.models import TaskEvent, TaskItem, TaskRun
from tasks.states import ALLOWED, FINAL, LIVE, Status
from tasks.tickets import EXECUTE
from tools.chaos.functions import TRACES, again, book, lose_its_process, overdue
from tools.chaos.work import Book

ALWAYS_FAILS = {overdue.module_path, lose_its_process.module_path}


def unsettled() -> str:
    """What is still on its way: runs that live, tickets. Nothing when all is at rest."""
    live = TaskRun.objects.live().count()
    held = dict(_rows("SELECT status::text, count(*) FROM procrastinate_jobs WHERE task_name = %s GROUP BY 1", EXECUTE))
    return ", ".join(filter(None, [f"{live} runs live" if live else "", f"tickets: {held}" if held else ""]))


def check_taken(asked: Book) -> list[str]:
    """No run lost, none twice: what was taken is there, once, and what a 202 promised too."""
    ids = set(TaskRun.objects.values_list("pk", flat=True))
    wrong = [
        f"{key} was taken as run {run_id}, which is gone" for key, run_id in asked.taken.items() if run_id not in ids
    ]
    wrong += [f"the API started run {run_id}, which is gone" for run_id in asked.retried - ids]
    firsts = TaskRun.objects.filter(retry_of=None).values_list("unique_key", "pk")
    times = Counter(key for key, _ in firsts)
    wrong += [f"{key} is there {number} times" for key, number in times.items() if number != 1]
    return wrong + [f"run {pk} ({key}) is there though its enqueue was not taken"
                    for key, pk in firsts if asked.taken.get(key) != pk]  # fmt: skip


def check_runs(asked: Book, folder: Path) -> list[str]:
    """How each run went: by its row, its events, its traces."""
    events: defaultdict[UUID, list[TaskEvent]] = defaultdict(list)
    for event in TaskEvent.objects.order_by("seq"):
        events[event.run_id].append(event)
    traces: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in _lines(folder / TRACES):
        traces[line["run"]].append(line)
    wrong = []
    for run in TaskRun.objects.all():
        cancelled = run.pk in asked.cancelled
        found = [
            *_wrong_with_events(run, events[run.pk]),
            *_wrong_with_end(run, was_cancelled=cancelled),
            *_wrong_with_traces(run, events[run.pk], traces[str(run.pk)]),
        ]
        wrong += [f"run {run.pk} ({run.task.rpartition('.')[2]}, {run.status}): {what}" for what in found]
    return [*wrong, *_wrong_with_work()]


def _wrong_with_events(run: TaskRun, events: list[TaskEvent]) -> Iterable[str]:
    states = [event for event in events if event.kind == TaskEvent.Kind.STATE]
    moves = [event.data["status"] for event in states if event.data["status"] != "cancelling"]
    if not moves or moves[0] != Status.PENDING:
        yield f"does not begin in line: {moves[:3]}"
        return
    for old, new in pairwise(moves):
        if new not in ALLOWED[Status(old)]:
            yield f"an arrow that is not drawn: {old} → {new}"
    if moves[-1] != run.status:
        yield f"the last event says {moves[-1]}"
    finals = [event for event in states if event.data["status"] in FINAL]
    if len(finals) != 1 or finals[-1].seq != events[-1].seq or finals[-1].seq != run.seq:
        yield f"final events {[event.seq for event in finals]}, last event {events[-1].seq}, seq of the run {run.seq}"
    claims = Counter(event.data["attempt"] for event in states if event.data["status"] == Status.RUNNING)
    if claims and max(claims.values()) > 1:
        yield f"an attempt was claimed twice: {dict(claims)}"
    said = Counter(
        (event.data.get("batch_completed"), event.data.get("message"))
        for event in events if event.kind != TaskEvent.Kind.STATE
    )  # fmt: skip
    if run.attempt == 1 and said and max(said.values()) > 1:
        yield f"said once, recorded more often: {[what for what, number in said.items() if number > 1][:3]}"


def _wrong_with_end(run: TaskRun, *, was_cancelled: bool) -> Iterable[str]:
    if run.status in LIVE:
        yield f"has not ended: worker {run.worker!r}, attempt {run.attempt}, ticket {run.ticket}"
    if run.status == Status.CANCELLED and not was_cancelled:
        yield "nobody cancelled it"
    if run.status == Status.COMPLETED and run.task in ALWAYS_FAILS:
        yield "can only fail"
    if run.status == Status.FAILED and run.task not in ALWAYS_FAILS:
        # Else a failure has one reason: workers were lost under it, once too often.
        lost = run.rescues > MAX_RESCUES or (run.rescues and run.failed_attempts >= run.max_attempts)
        if not lost:
            yield f"failed though its function does not: {run.error!r}, {run.rescues} rescues"


def _wrong_with_traces(run: TaskRun, events: list[TaskEvent], traces: list[dict[str, Any]]) -> Iterable[str]:
    begun = Counter(line["attempt"] for line in traces if line["what"] == "begun")
    ended = [line["attempt"] for line in traces if line["what"] == "ended"]
    claims = {event.data["attempt"]: event.data for event in events if event.data.get("status") == Status.RUNNING}
    if begun and max(begun.values()) > 1:
        yield f"an attempt was executed twice: {dict(begun)}"
    if unclaimed := set(begun) - set(claims):
        yield f"attempts {unclaimed} were executed and never claimed"
    if run.status == Status.COMPLETED and run.attempt not in ended:
        yield f"completed in attempt {run.attempt}, done in {ended}"
    if run.max_attempts == 1:
        back = [event.data.get("reason") for event in events if event.data.get("status") == Status.PENDING][1:]
        if set(back) - {"shutdown"}:
            yield f"has one attempt, and went back in line: {back}"
        if len(ended) > 1:
            yield f"has one attempt, and was done {len(ended)} times: {traces}"
        if ended and run.status == Status.FAILED and not run.rescues and run.task not in ALWAYS_FAILS:
            yield f"was done, and failed: {run.error!r}"


def _wrong_with_work() -> Iterable[str]:
    """Of what was booked in one transaction with its checkpoint each line is there once."""
    booked: defaultdict[UUID, Counter[int]] = defaultdict(Counter)
    for run_id, line in _rows("SELECT run, line FROM chaos_booked"):
        booked[run_id][line] += 1
    for run in TaskRun.objects.filter(task=book.module_path):
        # A person's retry goes on from the checkpoint of the run before it.
        lines, steps = booked[run.pk], run.args[0]
        if lines and max(lines.values()) > 1:
            yield f"run {run.pk} booked a line twice: {lines}"
        if run.retry_of_id is None and set(lines) != set(range(1, (run.checkpoint or 0) + 1)):
            yield f"run {run.pk} has checkpoint {run.checkpoint} and booked {sorted(lines)}"
        if run.status == Status.COMPLETED and run.checkpoint != steps:
            yield f"run {run.pk} completed at {run.checkpoint} of {steps}"
        done = TaskItem.objects.filter(run=run, outcome=TaskItem.Outcome.DONE).count()
        if run.status == Status.COMPLETED and run.retry_of_id is None and done != steps:
            yield f"run {run.pk} has {done} items of {steps}"


def check_notifications() -> list[str]:
    """Each final state that is told of was told once: what completed and what failed, not what was cancelled."""
    told: Counter[Any] = Counter(Notification.objects.values_list("link", "user__pk"))
    wrong = []
    for run in TaskRun.objects.filter(status__in=FINAL):
        times = told.pop((run.get_absolute_url(), run.owner_id), 0)
        if times != (0 if run.status == Status.CANCELLED else 1):
            wrong.append(f"of run {run.pk} ({run.status}) its owner was told {times} times")
    return wrong + [
        f"{number} notifications of {link}, which is no run that ended" for (link, _), number in told.items()
    ]


def check_counts() -> list[str]:
    """Numbers that are kept beside what they count are what counting says."""
    wrong = []
    kept = _numbers("SELECT owner_id, status, sum(number) FROM task_counts GROUP BY 1, 2")
    if kept != (counted := _numbers("SELECT owner_id, status, count(*) FROM background_tasks GROUP BY 1, 2")):
        wrong.append(f"runs by owner and status: {kept} is kept, {counted} is counted")
    kept = _numbers("SELECT owner_id, status, sum(number) FROM task_hours WHERE NOT everybody GROUP BY 1, 2")
    ended = "SELECT owner_id, status, count(*) FROM background_tasks WHERE completed_at IS NOT NULL GROUP BY 1, 2"
    if kept != (counted := _numbers(ended)):
        wrong.append(f"ended runs by owner and status: {kept} is kept, {counted} is counted")
    return wrong


def figures() -> dict[str, int]:
    """How many runs of each end, and what they went through."""
    by_status = Counter(TaskRun.objects.values_list("status", flat=True))
    reasons = Counter(
        TaskEvent.objects.filter(kind="state", data__has_key="reason").values_list("data__reason", flat=True)
    )
    again_and_again = TaskRun.objects.filter(task=again.module_path).count()
    return {
        **dict(sorted(by_status.items())),
        **{f"back in line, {reason}": number for reason, number in sorted(reasons.items()) if reason},
        "failed, worker lost": TaskRun.objects.filter(status=Status.FAILED, rescues__gt=0).count(),
        "functions that fail twice": again_and_again,
        "notifications": Notification.objects.count(),
        "events": TaskEvent.objects.count(),
    }


def missed_events(heard: Mapping[str, set[int]]) -> list[datetime]:
    """When the batches and lines were said that nobody told the follower of their run. By run: the seqs it heard."""
    events = TaskEvent.objects.filter(run__in=list(heard)).exclude(kind=TaskEvent.Kind.STATE).order_by("at")
    return [at for run_id, seq, at in events.values_list("run_id", "seq", "at") if seq not in heard[str(run_id)]]


def _rows(query: str, *values: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def _numbers(query: str) -> dict[tuple[Any, ...], int]:
    return {tuple(key): int(number) for *key, number in _rows(query) if number}


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    if path.exists():
        for line in path.read_text().splitlines():
            yield json.loads(line)

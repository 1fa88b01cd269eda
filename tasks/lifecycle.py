"""The only writer of a run's status. Each arrow of states.py is one conditional UPDATE and one event, in a transaction.

The UPDATE's row count is the verdict: zero rows means somebody else was first, and nothing is recorded. `attempt` is
the fencing token: a worker that was presumed dead and comes back holds an old one, and can write nothing.
"""

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import F, Func, JSONField, Value
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from live import audit

from . import ledger, places, sentences, signals, statements, tickets, tracing
from .exceptions import AlreadyRunning, CannotRetry, NoPlaceFree, TransitionRefused
from .models import TaskEvent, TaskRun
from .new_run import NewRun
from .notify import send_outcome
from .options import options_of
from .search import words_of
from .states import FINAL, Status, sources_of
from .text import fit, storable
from .updates import send_completion_update, send_error_update, send_progress_update

MAX_RESCUES = 3


def create(new: NewRun) -> TaskRun:
    """Store a PENDING run and queue it, in the caller's transaction: roll back, and neither exists.

    Raises AlreadyRunning when a run with the same unique key is live; the database decides that.
    """
    try:
        with tracing.enqueueing(new) as span, transaction.atomic():
            run = _insert(new)
            span.says(messaging__message__id=str(run.pk))
            return run
    except IntegrityError as error:
        if not new.unique_key or "task_unique_while_live" not in str(error):
            raise
        holder = TaskRun.objects.live().filter(unique_key=new.unique_key).values_list("pk", flat=True).first()
        if holder is None:  # it ended in this very moment: the place is free
            return create(new)
        raise AlreadyRunning(holder, new.unique_key) from None


def _insert(new: NewRun) -> TaskRun:
    waiting = new.row()
    waiting.ticket = _ticket_for(waiting, 1)
    run = statements.insert(waiting, {"status": Status.PENDING})
    _introduce(run)
    # What code starts by itself nobody asked for, and of a retry more is said where it is made.
    if new.retry_of is None and audit.request() is not None:
        audit.record("run.started", run, task=run.task, topic=run.topic)
    return run


def create_many(new: NewRun, arguments: Sequence[Mapping[str, Any]]) -> list[TaskRun]:
    """Store and queue a PENDING run like `new` for each of `arguments`, which are its keyword arguments: all or none.

    In that order. Thousands at once cost little more than one by one dozens: one statement stores them all.
    """
    if new.unique_key:
        raise ValueError("Of runs with the same unique key one at a time may be live: enqueue them one by one.")
    differences = []
    for kwargs in arguments:
        said = storable(dict(kwargs))
        differences.append((uuid.uuid4(), said, words_of(new.name, new.topic, new.task, new.args, said)))
    with tracing.enqueueing(new, number=len(differences)), transaction.atomic():
        runs = statements.insert_many(new.row(), differences, {"status": Status.PENDING})
        for run in runs:
            _introduce(run)
        if runs and audit.request() is not None:
            audit.record("run.started", runs[0], task=new.task, topic=new.topic, number=len(runs))
    return runs


def _introduce(run: TaskRun) -> None:
    """Tell everybody, once this transaction commits, that there is a new run."""
    send_progress_update(run)
    transaction.on_commit(partial(signals.enqueued, run), robust=True)


def claim(run_id: uuid.UUID, attempt: int, *, worker: str, ticket: int | None = None) -> TaskRun | None:
    """Take a waiting run for `worker`. None when it is not this attempt's to take any more, or not yet.

    With the `ticket` it was fetched by: nor when the run has another one by now, because the worker was thought dead.

    Not yet: as many runs of its concurrency key are running as may. It goes back in line then as it was.
    """
    seen_by = Func(F("worker_ids"), Value([worker], JSONField()), arg_joiner=" || ", template="%(expressions)s")
    changes: dict[str, Any] = {"worker": worker, "worker_ids": seen_by, "started_at": Now(), "run_after": None}
    changes["message"] = ""  # it said why the run waited: that is over
    with suppress(TransitionRefused):
        # Most runs have no limit: their claim is one statement, and needs no transaction around it.
        return _move(run_id, attempt, Status.RUNNING, {"worker": worker}, unlimited=True, fetched_by=ticket, **changes)
    try:
        with transaction.atomic():
            run = _move(run_id, attempt, Status.RUNNING, {"worker": worker}, fetched_by=ticket, **changes)
            places.take(run)
            return run
    except TransitionRefused:
        return None
    except NoPlaceFree:
        waiting = TaskRun.objects.filter(pk=run_id, attempt=attempt, status=Status.PENDING).first()
        if waiting is not None:
            reissue_ticket(waiting)
        return None


def complete(run: TaskRun, result: Any, *, message: str = "") -> TaskRun:
    """The function returned: keep its `result` (JSON types)."""
    changes: dict[str, Any] = {
        "result": result,
        "progress": 100,
        "completed_at": Now(),
        "current_item": "",
    }
    if message:
        changes["message"] = fit(message, 1000)
    return _finish(run, Status.COMPLETED, {"message": message} if message else {}, **changes)


def fail(run: TaskRun, error: str, *, exception_class: str = "", traceback: str = "") -> TaskRun:
    """The function raised, or could not run, and no attempt is left."""
    return _finish(
        run,
        Status.FAILED,
        {"error": error, "exception_class": exception_class, "traceback": traceback},
        error=error,
        exception_class=exception_class,
        traceback=traceback,
        failed_attempts=F("failed_attempts") + 1,
        completed_at=Now(),
    )


def cancel(run: TaskRun, *, by: AbstractBaseUser | None = None, reason: str = "") -> TaskRun:
    """Stop `run` for good: at once while it waits; by asking its worker while it runs. Asking twice changes nothing.

    Raises TransitionRefused when it has ended in another way.
    """
    who = {"by": by.get_username() if by else "", "reason": fit(reason, 500)}
    try:
        return _cancel_waiting(run, who, by)
    except TransitionRefused:
        pass  # it runs, or has ended
    with transaction.atomic():
        current = TaskRun.objects.select_for_update().get(pk=run.pk)
        if current.status == Status.PENDING:  # it went back in line between the two looks
            return _cancel_waiting(current, who, by)
        if current.status == Status.RUNNING and current.cancel_requested_at is None:
            current.cancel_requested_at = Now()
            current.seq += 1
            current.save(update_fields=["cancel_requested_at", "seq"])
            _record(current, {"status": "cancelling", **who})
            audit.record("run.cancelled", current, by=by, reason=who["reason"])
            tickets.ask_to_stop(current.ticket)
            send_progress_update(current)
    if current.status in FINAL and current.status != Status.CANCELLED:
        raise TransitionRefused(run.pk, Status.CANCELLED)
    return current


def _cancel_waiting(run: TaskRun, who: dict[str, str], by: AbstractBaseUser | None) -> TaskRun:
    with transaction.atomic():
        waiting = TaskRun.objects.select_for_update().filter(pk=run.pk, status=Status.PENDING).first()
        if waiting is None:
            raise TransitionRefused(run.pk, Status.CANCELLED)
        cancelled = _move(
            run.pk,
            waiting.attempt,
            Status.CANCELLED,
            who,
            completed_at=Now(),
            cancel_requested_at=Now(),
            error=sentences.CANCELLED_WAITING,
        )
        audit.record("run.cancelled", cancelled, by=by, reason=who["reason"])
        tickets.withdraw(cancelled.ticket)
        transaction.on_commit(partial(signals.left_the_line, cancelled), robust=True)
    return cancelled


def confirm_cancelled(run: TaskRun) -> TaskRun:
    """The worker says that the function has stopped as asked."""
    return _finish(run, Status.CANCELLED, {}, error=sentences.CANCELLED_RUNNING, completed_at=Now())


def try_again(run: TaskRun, error: str, *, exception_class: str, traceback: str, delay: timedelta) -> TaskRun:
    """An attempt failed and others are left: back in line, to start after `delay`."""
    return _back_in_line(
        run,
        {"reason": "retry", "error": error, "exception_class": exception_class, "traceback": traceback},
        run_after=Now() + Value(delay),
        failed_attempts=F("failed_attempts") + 1,
        message=fit(sentences.ATTEMPT_FAILED % {"number": run.failed_attempts + 1, "error": error}, 1000),
    )


def release(run: TaskRun) -> TaskRun:
    """The worker is stopping: the run goes back in line and has used up no attempt."""
    return _back_in_line(run, {"reason": "shutdown"}, message=sentences.WORKER_STOPPED)


def rescue(run: TaskRun) -> TaskRun:
    """The worker of `run` is gone. Back in line while attempts are left, else FAILED; never more than three times."""
    lost: dict[str, Any] = {"failed_attempts": F("failed_attempts") + 1, "rescues": F("rescues") + 1}
    if run.cancel_requested_at is not None:
        return confirm_cancelled(run)
    if run.failed_attempts + 1 < run.max_attempts and run.rescues < MAX_RESCUES:
        return _back_in_line(
            run,
            {"reason": "worker lost", "worker": run.worker},
            message=sentences.WORKER_LOST,
            **lost,
        )
    error = sentences.LOST_FOR_GOOD
    return _finish(
        run,
        Status.FAILED,
        {"error": error, "worker": run.worker},
        error=error,
        completed_at=Now(),
        **lost,
    )


def reissue_ticket(run: TaskRun) -> bool:
    """Give a waiting run whose ticket was lost a new one. False when it has moved on meanwhile."""
    with transaction.atomic():
        still_so = TaskRun.objects.filter(pk=run.pk, attempt=run.attempt, status=Status.PENDING, ticket=run.ticket)
        if still_so.select_for_update().first() is None:
            return False
        tickets.discard([run.ticket])
        still_so.update(ticket=_ticket_for(run, run.attempt))
    return True


def retry(run: TaskRun, *, by: AbstractBaseUser | None = None) -> TaskRun:
    """Run again what failed or was cancelled: a new run, linked to the old one, with the same owner and arguments.

    It goes on from the old one's checkpoint, and is limited to the same items if that was. Raises CannotRetry, and
    AlreadyRunning while an earlier retry of it is live.
    """
    if run.status not in {Status.FAILED, Status.CANCELLED}:
        raise CannotRetry(_("Only a failed or cancelled run can be run again."))
    return _again(run, by, only_failed=ledger.ONLY_FAILED in run.metadata, go_on=True)


def retry_failed_items(run: TaskRun, *, by: AbstractBaseUser | None = None) -> TaskRun:
    """A new run for the items that failed in `run`, which has ended: its `context.items.only` holds their keys.

    The set is frozen here: what failed is copied into the new run's own ledger.
    """
    if run.status not in FINAL:
        raise CannotRetry(_("This run has not ended yet: wait for it, or cancel it first."))
    if not ledger.has_failed_items(run):
        raise CannotRetry(_("No item of this run is known to have failed."))
    return _again(run, by, only_failed=True, go_on=False)


def _again(run: TaskRun, by: AbstractBaseUser | None, *, only_failed: bool, go_on: bool) -> TaskRun:
    metadata = {**run.metadata, "retried_by": by.get_username() if by else ""}
    listed = ledger.LISTED in metadata
    if only_failed:
        # What has a list of its own gets a new one; what makes its list itself is told what to do of it.
        metadata[ledger.LISTED if listed else ledger.ONLY_FAILED] = ledger.counts_of(run.pk)["failed"]
    with transaction.atomic():
        # Locked, so that no cleanup deletes it before there is something that points to it.
        if TaskRun.objects.filter(pk=run.pk).select_for_update(no_key=True).values_list("pk").first() is None:
            raise CannotRetry(_("This run has been deleted meanwhile, so it cannot be run again."))
        # Under the same lock: of two clicks the second finds what the first one started.
        started = TaskRun.objects.live().filter(retry_of=run.pk).values_list("pk", flat=True).first()
        if started is not None:
            raise AlreadyRunning(started, f"retry:{run.pk}")
        again = create(
            NewRun(
                task=run.task,
                name=run.name,
                args=run.args,
                kwargs=run.kwargs,
                owner_id=run.owner_id,
                topic=run.topic,
                queue=run.queue,
                priority=run.priority,
                timeout=run.timeout,
                max_attempts=run.max_attempts,
                unique_key=run.unique_key,
                concurrency_key=run.concurrency_key,
                concurrency_limit=run.concurrency_limit,
                metadata=metadata,
                retry_of=run.pk,
                checkpoint=None if only_failed else run.checkpoint,
            )
        )
        if listed:
            ledger.copy_list(run.pk, again.pk, only_failed=not go_on)
        elif only_failed:
            ledger.copy_failed(run.pk, again.pk)
        audit.record("run.retried", run, by=by, new_run=str(again.pk), only_failed=only_failed)
    return again


def _back_in_line(run: TaskRun, event: dict[str, Any], *, run_after: Any = None, **changes: Any) -> TaskRun:
    with transaction.atomic():
        # The run is locked before its ticket, as everywhere: two orders would be a deadlock with cancel().
        mine = TaskRun.objects.filter(pk=run.pk, attempt=run.attempt, status=Status.RUNNING)
        locked = mine.select_for_update().first()
        if locked is None:
            raise TransitionRefused(run.pk, Status.PENDING)
        if locked.cancel_requested_at is not None:  # nobody wants it to run again
            return confirm_cancelled(locked)
        tickets.discard([run.ticket])
        places.free(run)
        return _move(
            run.pk,
            run.attempt,
            Status.PENDING,
            event,
            attempt=run.attempt + 1,
            ticket=_ticket_for(run, run.attempt + 1),
            run_after=run_after,
            started_at=None,
            worker="",
            progress=0,
            processed_items=0,
            total_items=None,
            current_item="",
            stage="",
            **changes,
        )


def _ticket_for(run: TaskRun, attempt: int) -> int:
    return tickets.issue(run_id=run.pk, attempt=attempt, queue=run.queue, priority=run.priority)


def _finish(run: TaskRun, target: Status, event: dict[str, Any], **changes: Any) -> TaskRun:
    with transaction.atomic():
        finished = _move(run.pk, run.attempt, target, event, **changes)
        places.free(finished)
        send_outcome(finished, options_of(finished.task).notification)
    transaction.on_commit(lambda: signals.finished(finished), robust=True)
    return finished


def _move(
    run_id: uuid.UUID,
    attempt: int,
    target: Status,
    event: dict[str, Any],
    /,
    *,
    unlimited: bool = False,
    fetched_by: int | None = None,
    **changes: Any,
) -> TaskRun:
    """One arrow. Raises TransitionRefused when the run is not where it must be, or in another attempt.

    With `unlimited` also when it has a concurrency limit, with `fetched_by` also when its ticket is another one.
    """
    mine = TaskRun.objects.filter(pk=run_id, attempt=attempt, status__in=sources_of(target))
    if unlimited:
        mine = mine.filter(concurrency_limit=None)
    if fetched_by is not None:
        mine = mine.filter(ticket=fetched_by)
    said = {"attempt": changes.get("attempt", attempt), "status": target, **event}
    run = statements.move(mine, said, {"status": target, "seq": F("seq") + 1, **changes})
    if run is None:
        raise TransitionRefused(run_id, target)
    _announce(run)
    return run


def _record(run: TaskRun, data: dict[str, Any]) -> None:
    # The database's clock, as for the run's own times: those of several machines would not agree on an order.
    event = {"attempt": run.attempt, **data}
    TaskEvent.objects.create(run=run, seq=run.seq, at=Now(), kind=TaskEvent.Kind.STATE, data=event)


def _announce(run: TaskRun) -> None:
    match run.status:
        case Status.COMPLETED:
            send_completion_update(run)
        case Status.FAILED:
            send_error_update(run)
        case _:
            send_progress_update(run)

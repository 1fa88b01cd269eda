"""Whatever happens to a run, in whatever order, by whoever: what is promised of it stays true. Over real Postgres."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from notifications.models import Notification
from tasks import lifecycle
from tasks.exceptions import TaskManagerError
from tasks.models import TaskRun
from tasks.progress import Progress
from tasks.states import ALLOWED, FINAL, Status
from tests.tasks.runs import make_run


class LifeOfARun(RuleBasedStateMachine):
    """One run; several workers that may hold any attempt of it, stale ones included; people; a reconciler."""

    owner: User

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.run = make_run(self.owner, max_attempts=3)
        self.held: list[TaskRun] = []
        self.reporters: dict[int, Progress] = {}
        self.before = TaskRun.objects.get(pk=self.run.pk)
        self.notified_before = Notification.objects.count()

    def teardown(self) -> None:
        """Close what an example opened."""
        self.loop.close()

    def attempt_to(self, change: Any) -> None:
        """Try a change that may be refused, and look at what became of the run."""
        with suppress(TaskManagerError):
            change()
        now = TaskRun.objects.get(pk=self.run.pk)
        old = self.before
        if old.status in FINAL:
            assert (now.status, now.result, now.completed_at) == (old.status, old.result, old.completed_at)
        assert now.status == old.status or now.status in ALLOWED[Status(old.status)]
        assert now.attempt >= old.attempt
        assert now.seq >= old.seq
        if now.attempt == old.attempt:
            assert now.progress >= old.progress
            assert now.processed_items >= old.processed_items
        self.before = now

    @rule(ahead=st.integers(-1, 1))
    def somebody_claims(self, ahead: int) -> None:
        """A worker with a ticket: for this attempt, an old one, or one that does not exist yet."""

        def claim() -> None:
            claimed = lifecycle.claim(self.run.pk, self.before.attempt + ahead, worker=f"host:{len(self.held)}:1")
            if claimed is not None:
                assert ahead == 0
                self.held.append(claimed)

        self.attempt_to(claim)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), value=st.integers())
    def a_worker_completes(self, data: st.DataObject, value: int) -> None:
        """Any worker that ever held it says it is done."""
        holder = data.draw(st.sampled_from(self.held))
        self.attempt_to(lambda: lifecycle.complete(holder, value))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def a_worker_fails(self, data: st.DataObject) -> None:
        """Any worker that ever held it says it failed."""
        holder = data.draw(st.sampled_from(self.held))
        self.attempt_to(lambda: lifecycle.fail(holder, "no luck"))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def a_worker_wants_another_try(self, data: st.DataObject) -> None:
        """Automatic retry."""
        holder = data.draw(st.sampled_from(self.held))
        again = {"exception_class": "builtins.ValueError", "traceback": "", "delay": timedelta()}
        self.attempt_to(lambda: lifecycle.try_again(holder, "no luck", **again))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def a_worker_shuts_down(self, data: st.DataObject) -> None:
        """Graceful stop."""
        holder = data.draw(st.sampled_from(self.held))
        self.attempt_to(lambda: lifecycle.release(holder))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def a_worker_confirms_a_cancel(self, data: st.DataObject) -> None:
        """It stopped as asked."""
        holder = data.draw(st.sampled_from(self.held))
        self.attempt_to(lambda: lifecycle.confirm_cancelled(holder))

    @precondition(lambda self: self.held)
    @rule(data=st.data(), processed=st.integers(-5, 300), total=st.integers(-5, 200) | st.none())
    def a_worker_reports(self, data: st.DataObject, processed: int, total: int | None) -> None:
        """Progress, possible and impossible, from a holder that may be stale."""
        holder = data.draw(st.sampled_from(self.held))
        place = self.held.index(holder)
        reporter = self.reporters.setdefault(place, Progress(holder, self.loop))
        reporter.update(processed=processed, total=total, stage="x")
        self.attempt_to(lambda: reporter._write(reporter.take()))

    @rule()
    def a_person_cancels(self) -> None:
        """Whatever its state."""
        self.attempt_to(lambda: lifecycle.cancel(self.before, by=self.owner))

    @rule()
    def the_reconciler_rescues(self) -> None:
        """It believes the worker dead, rightly or not."""
        self.attempt_to(lambda: lifecycle.rescue(self.before))

    @rule()
    def the_reconciler_reissues_the_ticket(self) -> None:
        """It believes the ticket lost, rightly or not."""
        self.attempt_to(lambda: lifecycle.reissue_ticket(self.before))

    @invariant()
    def it_ends_once_and_is_told_once(self) -> None:
        """At most one final event, and one notification at most; exactly one of each for a run that ended by itself."""
        final_events = self.run.events.filter(data__status__in=sorted(FINAL)).count()
        notified = Notification.objects.count() - self.notified_before
        assert final_events == (1 if self.before.status in FINAL else 0)
        assert notified == (1 if self.before.status in {Status.COMPLETED, Status.FAILED} else 0)

    @invariant()
    def its_events_are_in_order(self) -> None:
        """Numbered upwards, none twice, none ahead of the run."""
        seqs = list(self.run.events.order_by("pk").values_list("seq", flat=True))
        assert seqs == sorted(set(seqs))
        assert seqs[-1] <= self.before.seq


@pytest.mark.timeout(300)
def test_whatever_happens_to_a_run_its_promises_hold(db: None, owner: User) -> None:
    LifeOfARun.owner = owner
    run_state_machine_as_test(
        LifeOfARun,
        settings=settings(max_examples=60, stateful_step_count=25),
    )

"""Runs are counted where they change; the counts are those that counting would find, whoever changed what."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection, transaction
from django.test import Client
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tasks import counts, lifecycle, manager, reconcile
from tasks.exceptions import TaskManagerError
from tasks.models import RunCount, TaskRun
from tasks.states import Status
from tests.racing import in_thread
from tests.tasks.runs import ADD, make_run, make_run_in

NOTHING = dict.fromkeys(("total", "running", "pending", "completed", "failed", "cancelled"), 0)


def all_are_right() -> bool:
    """Everybody's count and each owner's is what counting finds."""
    owners: set[int | None] = {None, *User.objects.values_list("pk", flat=True)}
    assert RunCount.objects.summary() == TaskRun.objects.summary()
    for owner in owners:
        assert RunCount.objects.filter(owner=owner).summary() == TaskRun.objects.filter(owner=owner).summary()
    return True


class ManyRuns(RuleBasedStateMachine):
    """Runs of several owners, changed one by one and many at once."""

    made = 0

    def __init__(self) -> None:
        super().__init__()
        TaskRun.objects.all().delete()
        self.owners: list[User | None] = [None, self.new_owner(), self.new_owner()]

    @classmethod
    def new_owner(cls) -> User:
        """Somebody nobody has heard of."""
        cls.made += 1
        return User.objects.create(username=f"owner {cls.made}")

    def some_run(self, data: st.DataObject) -> TaskRun | None:
        """Any run, in any state."""
        runs = list(TaskRun.objects.order_by("created_at", "pk"))
        return data.draw(st.sampled_from(runs)) if runs else None

    def move(self, data: st.DataObject, change: Callable[[TaskRun], object]) -> None:
        """Try `change` on some run; it may be refused."""
        run = self.some_run(data)
        if run is not None:
            with suppress(TaskManagerError):
                change(run)

    @rule(data=st.data(), status=st.sampled_from(Status.values))
    def one_is_made(self, data: st.DataObject, status: str) -> None:
        """And comes to a state."""
        make_run_in(status, data.draw(st.sampled_from(self.owners)))

    @rule(data=st.data(), number=st.integers(2, 5))
    def many_are_made_at_once(self, data: st.DataObject, number: int) -> None:
        """By one statement, for several owners."""
        choose = st.sampled_from(self.owners)
        TaskRun.objects.bulk_create(TaskRun(task=ADD, name="Add", owner=data.draw(choose)) for _ in range(number))

    @rule(data=st.data())
    def a_worker_claims(self, data: st.DataObject) -> None:
        """Whatever it finds."""
        self.move(data, lambda run: lifecycle.claim(run.pk, run.attempt, worker="host:1:1"))

    @rule(data=st.data())
    def a_worker_completes(self, data: st.DataObject) -> None:
        """Whatever it holds."""
        self.move(data, lambda run: lifecycle.complete(run, None))

    @rule(data=st.data())
    def a_worker_fails(self, data: st.DataObject) -> None:
        """Whatever it holds."""
        self.move(data, lambda run: lifecycle.fail(run, "no luck"))

    @rule(data=st.data())
    def a_worker_lets_go(self, data: st.DataObject) -> None:
        """Back in line."""
        self.move(data, lifecycle.release)

    @rule(data=st.data())
    def a_worker_is_lost(self, data: st.DataObject) -> None:
        """Back in line, or failed."""
        self.move(data, lifecycle.rescue)

    @rule(data=st.data())
    def a_person_cancels(self, data: st.DataObject) -> None:
        """Whatever it is."""
        self.move(data, lifecycle.cancel)

    @rule(data=st.data())
    def a_person_retries(self, data: st.DataObject) -> None:
        """A new run, if it can be."""
        self.move(data, lifecycle.retry)

    @rule(data=st.data())
    def an_owner_is_deleted(self, data: st.DataObject) -> None:
        """Their runs are nobody's from then on."""
        leaving = data.draw(st.sampled_from(self.owners))
        if leaving is not None:
            leaving.delete()
            self.owners = [*(owner for owner in self.owners if owner != leaving), self.new_owner()]

    @rule(data=st.data())
    def many_are_handed_over(self, data: st.DataObject) -> None:
        """One UPDATE of many rows."""
        TaskRun.objects.filter(status=Status.COMPLETED).update(owner=data.draw(st.sampled_from(self.owners)))

    @rule()
    def what_ended_is_cleaned_up(self) -> None:
        """In one go."""
        manager.cleanup_old_tasks(0)

    @rule()
    def the_changes_are_summed_up(self) -> None:
        """However few."""
        counts.RUNS.sum_up(enough=1)
        assert not RunCount.objects.filter(is_sum=False).exists()

    @invariant()
    def every_count_is_right(self) -> None:
        """After every step."""
        assert all_are_right()


@pytest.mark.timeout(300)
def test_whatever_happens_to_runs_they_are_counted_right(db: None) -> None:
    run_state_machine_as_test(
        ManyRuns,
        settings=settings(max_examples=20, stateful_step_count=20),
    )


def test_two_transactions_that_count_the_same_neither_wait_nor_lose(owner: User, engine_tables: None) -> None:
    first, second = make_run(owner), make_run(owner)
    with transaction.atomic():
        assert lifecycle.claim(first.pk, 1, worker="host:1:1")
        in_thread(lambda: lifecycle.claim(second.pk, 1, worker="host:2:2"), within=60)  # to its end, while ours is open
        in_thread(lambda: make_run(owner), within=60)
    assert RunCount.objects.summary() == {**NOTHING, "total": 3, "running": 2, "pending": 1}
    assert all_are_right()


def test_what_is_not_committed_when_changes_are_summed_up_is_not_lost(owner: User, engine_tables: None) -> None:
    make_run_in(Status.COMPLETED, owner)
    with transaction.atomic():
        make_run(owner)
        in_thread(lambda: counts.RUNS.sum_up(enough=1), within=60)
        assert all_are_right()
    assert RunCount.objects.filter(is_sum=False).count() == 1
    assert all_are_right()


def test_only_one_sums_up_at_a_time_and_the_other_does_not_wait(owner: User, engine_tables: None) -> None:
    make_run(owner)
    with transaction.atomic():
        assert counts.RUNS.sum_up(enough=1)
        with connection.cursor() as cursor:  # more to do for the other one
            cursor.execute("INSERT INTO task_counts (status, number, is_sum) VALUES ('failed', 1, false)")
        answers: list[bool] = []
        in_thread(lambda: RunCount.objects.create(status="failed", number=-1), within=60)
        in_thread(lambda: answers.append(counts.RUNS.sum_up(enough=1)), within=60)
        assert answers == [False]
    assert all_are_right()


def test_few_changes_are_left_as_they_are(owner: User) -> None:
    make_run_in(Status.COMPLETED, owner)
    before = list(RunCount.objects.values())
    assert not counts.RUNS.sum_up()
    assert list(RunCount.objects.values()) == before


def test_the_reconciler_sums_up(owner: User) -> None:
    make_run(owner)
    RunCount.objects.bulk_create(
        RunCount(owner=owner, status=Status.PENDING, number=number) for number in (1, -1) * counts.ENOUGH
    )
    reconcile.sweep()
    assert list(RunCount.objects.values_list("owner", "status", "number", "is_sum")) == [(owner.pk, "pending", 1, True)]


def test_an_owner_without_runs_leaves_no_count_behind(owner: User) -> None:
    make_run_in(Status.COMPLETED, owner)
    manager.cleanup_old_tasks(0)
    assert counts.RUNS.sum_up(enough=1)
    assert not RunCount.objects.exists()


def test_emptying_the_table_empties_the_counts(owner: User, engine_tables: None) -> None:
    make_run_in(Status.COMPLETED, owner)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE background_tasks CASCADE")
    assert not RunCount.objects.exists()
    make_run(owner)
    assert all_are_right()


def test_progress_changes_no_count(owner: User) -> None:
    run = make_run_in(Status.RUNNING, owner)
    before = RunCount.objects.count()
    TaskRun.objects.filter(pk=run.pk).update(processed_items=7, seq=9, message="on it")
    assert RunCount.objects.count() == before


def test_a_summary_counts_what_the_viewer_may_see(owner: User, stranger: User, staff: User) -> None:
    make_run_in(Status.FAILED, owner)
    make_run(None)
    assert manager.get_task_summary(viewer=owner) == {**NOTHING, "total": 1, "failed": 1}
    assert manager.get_task_summary(viewer=stranger) == NOTHING
    assert manager.get_task_summary(viewer=AnonymousUser()) == NOTHING
    everything = {**NOTHING, "total": 2, "failed": 1, "pending": 1}
    assert manager.get_task_summary(viewer=staff) == manager.get_task_summary() == everything


def test_page_and_api_show_the_counts_without_counting(
    owner: User, client_of: Callable[[User], Client], django_assert_max_num_queries: Callable[..., object]
) -> None:
    RunCount.objects.create(owner=owner, status=Status.COMPLETED, number=1_000_000)  # more than there are to count
    client = client_of(owner)
    for address in ("/api/background-tasks/summary", "/api/background-tasks/tasks"):
        assert client.get(address).json()["summary"]["completed"] == 1_000_000
    assert "1,000,000" in client.get("/").content.decode()
    with django_assert_max_num_queries(1):
        manager.get_task_summary(viewer=owner)


def test_what_was_there_before_is_counted_when_the_triggers_come(owner: User, engine_tables: None) -> None:
    from django.core.management import call_command

    make_run_in(Status.FAILED, owner)
    call_command("migrate", "tasks", "0004", verbosity=0)
    try:
        TaskRun.objects.bulk_create([TaskRun(task=ADD, name="Add")])
    finally:
        call_command("migrate", "tasks", verbosity=0)
    assert all_are_right()
    make_run(owner)
    assert all_are_right()

"""Who is next: priority, then turns between owners, then age; and never more of a key than may run at once."""

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.tasks.exceptions import InvalidTask
from django.utils import timezone

from tasks import lifecycle
from tasks.backend import LONGEST_QUEUE_NAME
from tasks.lanes import CANDIDATES, FETCH
from tasks.models import TaskRun
from tasks.presenters import present_run, present_runs
from tasks.queues import MAINTENANCE_QUEUE, pause
from tasks.states import FINAL, Status
from tasks.updates import places_in_line
from tests.racing import race
from tests.tasks import functions
from tests.tasks.runs import make_run
from tests.waiting import eventually
from tests.workers import WorkerThread

NOTE = "tests.tasks.functions.note"


def parameters(queues: list[str] | None = None) -> dict[str, Any]:
    """What a worker that takes `queues` hands to the fetch."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
        (worker,) = cursor.fetchone()
    return {
        "queues": queues,
        "worker_id": worker,
        "candidates": CANDIDATES,
        "maintenance": MAINTENANCE_QUEUE,
        "unknown": [],
    }


def fetch(queues: list[str] | None = None) -> str | None:
    """What a worker does that has a place free: the name of the run whose ticket it takes now."""
    with connection.cursor() as cursor:
        cursor.execute(FETCH, parameters(queues))
        row = cursor.fetchone()
    return None if row is None else TaskRun.objects.get(pk=json.loads(row[6])["run_id"]).name


def fetched(number: int) -> list[str | None]:
    """The names of the next `number` runs, while none of those before them ends."""
    return [fetch() for _ in range(number)]


@pytest.mark.usefixtures("engine_tables")
class TestOrder:
    """Deterministic: each fetch is the worker's own statement."""

    def test_one_owners_runs_start_by_age(self, owner: User) -> None:
        for name in "abc":
            make_run(owner, name=name)
        assert fetched(4) == ["a", "b", "c", None]

    def test_five_hundred_runs_of_one_do_not_keep_anothers_one_waiting(self, owner: User, teammate: User) -> None:
        for number in range(500):
            make_run(owner, name=f"many {number}")
        make_run(teammate, name="one")
        assert fetched(3) == ["many 0", "one", "many 1"]

    def test_turns_go_round_between_owners_and_runs_of_nobody(self, owner: User, teammate: User) -> None:
        for number in range(3):
            make_run(owner, name=f"owner {number}")
        for number in range(2):
            make_run(teammate, name=f"teammate {number}")
        make_run(name="nobody 0")
        assert fetched(6) == ["owner 0", "teammate 0", "nobody 0", "owner 1", "teammate 1", "owner 2"]

    def test_who_has_runs_under_way_comes_after_who_has_none(self, owner: User, teammate: User) -> None:
        for number in range(4):
            make_run(owner, name=f"owner {number}")
        assert fetched(2) == ["owner 0", "owner 1"]
        for number in range(3):
            make_run(teammate, name=f"teammate {number}")
        assert fetched(4) == ["teammate 0", "teammate 1", "owner 2", "teammate 2"]

    def test_priority_goes_before_turns(self, owner: User, teammate: User) -> None:
        make_run(teammate, name="usual")
        for number in range(3):
            make_run(owner, name=f"urgent {number}", priority=10)
        assert fetched(4) == ["urgent 0", "urgent 1", "urgent 2", "usual"]

    def test_planned_runs_wait_for_their_time_and_stand_in_nobodys_way(self, owner: User) -> None:
        later = timezone.now() + timedelta(hours=1)
        for number in range(50):
            make_run(owner, name=f"later {number}", run_after=later)
        make_run(owner, name="now")
        make_run(owner, name="due", run_after=timezone.now() - timedelta(hours=1))
        assert fetched(3) == ["due", "now", None]

    def test_a_paused_queue_is_passed_over_whatever_its_priority(self, owner: User) -> None:
        make_run(owner, name="held", priority=100)
        make_run(owner, name="other", queue="other")
        pause("default")
        assert fetched(2) == ["other", None]

    def test_a_worker_takes_from_its_own_queues_alone(self, owner: User) -> None:
        make_run(owner, name="default")
        make_run(owner, name="other", queue="other")
        assert fetch(["other"]) == "other"
        assert fetch(["other"]) is None

    def test_a_run_whose_ticket_is_lost_stands_in_nobodys_way(self, owner: User) -> None:
        lost = make_run(owner, name="lost")
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs WHERE id = %s", [lost.ticket])
        make_run(owner, name="next")
        assert fetched(2) == ["next", None]

    def test_the_places_that_people_are_told_are_the_order_of_the_fetch(self, owner: User, teammate: User) -> None:
        for number in range(4):
            make_run(owner, name=f"owner {number}")
        running = TaskRun.objects.get(name=fetch())
        lifecycle.claim(running.pk, 1, worker="host:1:1")
        for number in range(2):
            make_run(teammate, name=f"teammate {number}")
        make_run(owner, name="urgent", priority=5)
        told = places_in_line(["default"])
        by_place = sorted(TaskRun.objects.filter(pk__in=told), key=lambda run: told[run.pk])
        assert [run.name for run in by_place] == fetched(6)

    def test_many_workers_at_once_find_a_run_each(self, owner: User) -> None:
        for number in range(8):
            make_run(owner, name=f"run {number}")
        names = race(*[lambda: fetch()] * 8)
        assert sorted(map(str, names)) == [f"run {number}" for number in range(8)]

    def test_what_a_fetch_reads_does_not_grow_with_the_line(self, owner: User, teammate: User) -> None:
        for person in (owner, teammate):
            for _ in range(20):
                make_run(person, concurrency_key=person.username, concurrency_limit=50)
        with connection.cursor() as cursor:
            copy_line(cursor, times=25)
            long = pages_read()
            copy_line(cursor, times=5)
        assert TaskRun.objects.filter(status=Status.PENDING).count() > 6000
        assert pages_read() < 1.5 * long

    def test_a_burst_is_not_read_lane_by_lane_before_the_tables_are_analyzed(self) -> None:
        for person in User.objects.bulk_create([User(username=f"person {number}") for number in range(40)]):
            make_run(person)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE pg_class SET reltuples = -1, relpages = 0 FROM pg_index"
                " WHERE indrelid IN ('background_tasks'::regclass, 'procrastinate_jobs'::regclass)"
                " AND pg_class.oid IN (indrelid, indexrelid)"
            )
            copy_line(cursor, times=20)
        # Once through is as quick as by their ids while they are few.
        assert tickets_read(explained(analyzed=False)) < 3 * 40 * 21


def explained(*, analyzed: bool = True) -> dict[str, Any]:
    """What a fetch does, of the line as it is."""
    with connection.cursor() as cursor, transaction.atomic():
        if analyzed:
            cursor.execute("ANALYZE background_tasks, procrastinate_jobs")
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {FETCH}", parameters())
        plan: dict[str, Any] = cursor.fetchone()[0][0]["Plan"]
        transaction.set_rollback(True)
    return plan


def pages_read() -> int:
    """How much that reads."""
    plan = explained()
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def tickets_read(plan: dict[str, Any]) -> float:
    """How many tickets are looked at, whether they are used or not."""
    below = sum(tickets_read(part) for part in plan.get("Plans", []))
    if plan.get("Relation Name") != "procrastinate_jobs" or "Scan" not in plan["Node Type"]:
        return below
    seen = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    return float(below + plan["Actual Loops"] * seen)


def copy_line(cursor: Any, *, times: int) -> None:
    """Every waiting run `times` times more, with tickets of their own: quicker than enqueueing them one by one."""
    columns = [field.column for field in TaskRun._meta.concrete_fields if field.column not in {"id", "ticket"}]
    names = ", ".join(columns)
    cursor.execute(
        f"""
        WITH copies AS (
            SELECT gen_random_uuid() AS id, {names} FROM background_tasks, generate_series(1, %s)
            WHERE status = 'pending'
        ),
        tickets AS (
            INSERT INTO procrastinate_jobs (queue_name, task_name, priority, args)
            SELECT queue, 'tasks.execute', 0, jsonb_build_object('run_id', id, 'attempt', 1) FROM copies
            RETURNING id AS ticket, args->>'run_id' AS run
        )
        INSERT INTO background_tasks (id, {names}, ticket)
        SELECT copies.id, {names}, ticket FROM copies JOIN tickets ON tickets.run::uuid = copies.id
        """,
        [times],
    )


@pytest.mark.usefixtures("engine_tables")
class TestLimits:
    """`concurrency_limit`: at most so many runs of a key at once, on all workers together."""

    def test_a_full_key_is_passed_over_and_the_others_go_on(self, owner: User) -> None:
        for number in range(30):
            make_run(owner, name=f"limited {number}", concurrency_key="feeds", concurrency_limit=2)
        make_run(owner, name="free")
        assert fetched(4) == ["limited 0", "limited 1", "free", None]

    def test_a_limit_holds_whatever_queue_priority_or_owner(self, owner: User, teammate: User) -> None:
        make_run(owner, name="a", concurrency_key="k", concurrency_limit=1)
        make_run(teammate, name="b", concurrency_key="k", concurrency_limit=1, priority=5)
        make_run(name="c", concurrency_key="k", concurrency_limit=1, queue="other")
        assert fetched(2) == ["b", None]

    @pytest.mark.parametrize("round_", range(5))
    def test_of_claims_at_once_no_more_win_than_may_and_the_others_wait_on(self, round_: int) -> None:
        runs = [make_run(concurrency_key="k", concurrency_limit=2) for _ in range(6)]
        answers = race(*[lambda run=run: lifecycle.claim(run.pk, 1, worker="host:1:1") for run in runs])
        assert sum(answer is not None for answer in answers) == 2
        assert not any(isinstance(answer, Exception) for answer in answers)
        waiting = TaskRun.objects.filter(status=Status.PENDING)
        assert waiting.count() == 4
        assert {run.events.count() for run in waiting} == {1}, "a claim that was turned down left a trace"
        for run in waiting:
            with connection.cursor() as cursor:
                cursor.execute("SELECT status::text FROM procrastinate_jobs WHERE id = %s", [run.ticket])
                assert cursor.fetchone() == ("todo",)

    def test_two_workers_together_never_run_more_than_may_and_all_come_to_an_end(self) -> None:
        workers = [WorkerThread(concurrency=3).start() for _ in range(2)]
        try:
            results = [functions.count_itself.enqueue("shared") for _ in range(12)]
            ids = [result.id for result in results]
            eventually(
                lambda: TaskRun.objects.filter(pk__in=ids, status__in=FINAL).count() == len(ids), what="all have ended"
            )
        finally:
            for worker in workers:
                worker.stop()
        assert TaskRun.objects.filter(pk__in=ids, status=Status.COMPLETED).count() == len(ids)
        assert 1 <= functions.MOST_AT_ONCE["shared"] <= 2

    def test_a_freed_place_wakes_idle_workers(self) -> None:
        first = make_run(concurrency_key="k", concurrency_limit=1)
        claimed = lifecycle.claim(first.pk, 1, worker="host:1:1")
        assert claimed is not None
        heard = threading.Event()
        listener = connection.copy()
        with listener.cursor() as cursor:
            cursor.execute("LISTEN procrastinate_any_queue_v1")
        lifecycle.complete(claimed, 1)
        for _ in listener.connection.notifies(timeout=5, stop_after=1):
            heard.set()
        listener.close()
        assert heard.is_set()

    def test_who_waits_for_a_place_is_told_so(self, owner: User) -> None:
        running, waiting = (make_run(owner, concurrency_key="imports", concurrency_limit=1) for _ in range(2))
        assert present_run(waiting).headline != "Waiting: 1 of 1 “imports” are running"
        lifecycle.claim(running.pk, 1, worker="host:1:1")
        assert present_run(waiting).headline == "Waiting: 1 of 1 “imports” are running"
        assert [view.headline for view in present_runs([waiting])] == ["Waiting: 1 of 1 “imports” are running"]

    def test_a_retry_keeps_the_key_and_the_limit(self, owner: User) -> None:
        run = lifecycle.cancel(make_run(owner, concurrency_key="k", concurrency_limit=3))
        again = lifecycle.retry(run, by=owner)
        assert (again.concurrency_key, again.concurrency_limit) == ("k", 3)


@pytest.mark.django_db
def test_a_task_says_its_limit_and_its_path_is_the_key() -> None:
    result = functions.count_itself.enqueue("x")
    run = TaskRun.objects.get(pk=result.id)
    assert (run.concurrency_key, run.concurrency_limit) == ("tests.tasks.functions.count_itself", 2)
    other = functions.count_itself.using(concurrency_key="customer-7", concurrency_limit=5).enqueue("x")
    run = TaskRun.objects.get(pk=other.id)
    assert (run.concurrency_key, run.concurrency_limit) == ("customer-7", 5)


@pytest.mark.parametrize(
    "wrong",
    [{"concurrency_limit": 0}, {"concurrency_key": "k"}, {"concurrency_key": "k" * 201, "concurrency_limit": 1}],
)
@pytest.mark.django_db
def test_a_limit_that_cannot_be_is_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidTask, match="concurrency"):
        functions.note.using(**wrong).enqueue("x")


def test_a_queue_may_be_named_as_long_as_postgres_can_be_told_of_it(engine_tables: None, settings: Any) -> None:
    settings.TASKS = {"default": {**settings.TASKS["default"], "QUEUES": []}}
    longest = functions.note.using(queue_name="q" * LONGEST_QUEUE_NAME)
    assert TaskRun.objects.get(pk=longest.enqueue("x").id).queue == "q" * LONGEST_QUEUE_NAME
    with pytest.raises(InvalidTask, match="40 bytes"):
        functions.note.using(queue_name="ü" * 21)


def test_times_of_a_run_are_the_databases(db: None) -> None:
    run = make_run()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT created_at <= clock_timestamp(), created_at >= now() FROM background_tasks WHERE id = %s", [run.pk]
        )
        assert cursor.fetchone() == (True, True)
    assert run.created_at == TaskRun.objects.get(pk=run.pk).created_at

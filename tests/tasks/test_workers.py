"""What workers say of themselves, and that they heal while they work."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test import Client

from tasks import tickets, workers
from tasks.db import database_now
from tasks.models import TaskRun, WorkerState
from tasks.reconcile import HEARTBEAT, worker_name
from tasks.states import Status
from tests.tasks import functions
from tests.waiting import eventually
from tests.workers import WorkerThread

pytestmark = pytest.mark.usefixtures("db")


def sql(query: str, *values: object) -> list[Any]:
    """The first column of what the engine's tables say."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return [row[0] for row in cursor.fetchall()] if cursor.description else []


def row(name: str, **fields: Any) -> WorkerState:
    """A worker that describes itself."""
    return WorkerState(name=name, **fields)


def test_a_worker_says_who_it_is_until_it_has_stopped(engine_tables: None) -> None:
    worker = WorkerThread(concurrency=4).start()
    [view] = eventually(workers.overview)
    assert (view.name, view.concurrency, view.queues) == (worker_name(), 4, None)
    assert (view.restarts, view.restarted_at, view.trouble) == (0, None, "")
    assert view.started_at <= view.heard_at
    worker.stop()
    assert workers.overview() == []
    assert WorkerState.objects.get().stopped_at is not None


def test_whoever_is_silent_is_no_longer_there_and_forgotten_after_a_day() -> None:
    for name in ("alive", "silent", "long gone"):
        workers.heard(row(name))
    WorkerState.objects.filter(name="silent").update(heard_at=Now() - timedelta(minutes=1))
    WorkerState.objects.filter(name="long gone").update(heard_at=Now() - timedelta(hours=25))
    assert [view.name for view in workers.overview()] == ["alive"]
    workers.register(row("new"))
    assert set(WorkerState.objects.values_list("name", flat=True)) == {"alive", "silent", "new"}


def test_a_worker_whose_row_was_deleted_is_back_with_its_next_word() -> None:
    me = row("me", concurrency=2)
    workers.register(me)
    WorkerState.objects.all().delete()
    workers.heard(me)
    assert workers.overview()[0].concurrency == 2


def test_a_restart_is_news_for_two_minutes() -> None:
    workers.heard(row("me", restarts=1, trouble="listener: gone"), restarted_ago=timedelta(seconds=100))
    assert workers.restarted_lately()
    workers.heard(row("me", restarts=1, trouble="listener: gone"), restarted_ago=timedelta(seconds=130))
    assert not workers.restarted_lately()


def test_a_worker_that_is_forgotten_by_the_engine_comes_back_and_its_run_goes_on(
    worker: WorkerThread, client: Client
) -> None:
    result = functions.wait_for_gate.enqueue("forgotten")
    eventually(lambda: TaskRun.objects.filter(pk=result.id, processed_items=1), within=20)
    [number] = sql("DELETE FROM procrastinate_workers RETURNING id")
    assert eventually(lambda: sql("SELECT id FROM procrastinate_workers")) == [number]
    [view] = eventually(lambda: [view for view in workers.overview() if view.restarts])
    assert view.trouble.startswith("heartbeat: Forgotten")
    health = client.get("/readyz")
    assert (health.status_code, health.json()["status"], health.json()["workers"]) == (200, "degraded", "restarted")
    assert b"Forgotten" not in health.content
    functions.gate("forgotten").set()
    run = eventually(lambda: TaskRun.objects.filter(pk=result.id, status=Status.COMPLETED).first())
    assert (run.attempt, run.rescues) == (1, 0)
    second = functions.add.enqueue(1, 2)
    eventually(lambda: TaskRun.objects.filter(pk=second.id, status=Status.COMPLETED).exists())


def test_a_heartbeat_that_fails_for_a_while_stops_no_run(worker: WorkerThread) -> None:
    result = functions.wait_for_gate.enqueue("no heartbeat")
    eventually(lambda: TaskRun.objects.filter(pk=result.id, processed_items=1), within=20)
    sql("ALTER TABLE procrastinate_workers RENAME TO elsewhere")
    try:
        eventually(lambda: [view for view in workers.overview() if view.restarts > 1])
    finally:
        sql("ALTER TABLE elsewhere RENAME TO procrastinate_workers")
    functions.gate("no heartbeat").set()
    run = eventually(lambda: TaskRun.objects.filter(pk=result.id, status=Status.COMPLETED).first())
    assert (run.attempt, run.rescues) == (1, 0)


def test_the_ear_for_new_runs_is_replaced_when_its_connection_is_ended(worker: WorkerThread) -> None:
    listening = "SELECT pid FROM pg_stat_activity WHERE query ILIKE 'LISTEN%%' AND datname = current_database()"
    [pid] = eventually(lambda: sql(listening))
    sql("SELECT pg_terminate_backend(%s)", pid)
    eventually(lambda: [other for other in sql(listening) if other != pid])


def test_a_ticket_whose_fetch_was_answered_into_the_void_is_given_back(
    worker: WorkerThread, caplog: pytest.LogCaptureFixture
) -> None:
    sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE 'disk full' USING ERRCODE = 'disk_full'; END $$"
    )
    sql("CREATE TRIGGER refuse BEFORE UPDATE ON procrastinate_jobs FOR EACH STATEMENT EXECUTE FUNCTION refuse()")
    try:
        run = TaskRun.objects.get(pk=functions.add.enqueue(3, 4).id)
        eventually(lambda: "Cannot look for runs that wait" in caplog.text)
        with transaction.atomic():
            sql("DROP TRIGGER refuse ON procrastinate_jobs")
            # The fetch had succeeded after all: only its answer was lost.
            sql(
                "UPDATE procrastinate_jobs job SET status = 'doing', worker_id = worker.id"
                " FROM procrastinate_workers worker WHERE job.id = %s",
                run.ticket,
            )
    finally:
        sql("DROP FUNCTION refuse CASCADE")
    eventually(lambda: TaskRun.objects.filter(pk=run.pk, status=Status.COMPLETED).exists())


def test_an_engine_that_ends_by_itself_is_started_again_and_its_run_goes_back_in_line(engine_tables: None) -> None:
    worker = WorkerThread(grace=timedelta()).start()
    result = functions.wait_for_gate.enqueue("engine")
    eventually(lambda: TaskRun.objects.filter(pk=result.id, processed_items=1), within=20)

    def end_the_engine() -> None:
        [loop_of_engine] = [task for task in asyncio.all_tasks() if task.get_name() == "worker loop"]
        loop_of_engine.cancel()

    worker._loop.call_soon_threadsafe(end_the_engine)
    [view] = eventually(lambda: [view for view in workers.overview() if view.restarts], within=30)
    assert view.trouble == "engine: ended without a reason"
    functions.gate("engine").set()
    run = eventually(lambda: TaskRun.objects.filter(pk=result.id, status=Status.COMPLETED).first(), within=30)
    assert (run.attempt, run.failed_attempts, run.rescues) == (2, 0, 0)
    worker.stop()


def test_a_worker_that_was_told_to_stop_is_alive_until_its_last_run_has_ended(engine_tables: None) -> None:
    worker = WorkerThread(grace=timedelta(seconds=60)).start()
    result = functions.wait_for_gate.enqueue("goodbye")
    eventually(lambda: TaskRun.objects.filter(pk=result.id, processed_items=1), within=20)
    worker._loop.call_soon_threadsafe(worker.worker.stop)
    told = database_now()
    # One that was on its way may come late; whoever is silent for longer loses the run to another worker.
    eventually(lambda: (tickets.last_heartbeat() or told) > told + 2 * timedelta(seconds=HEARTBEAT), within=20)
    functions.gate("goodbye").set()
    worker.stop()
    run = TaskRun.objects.get(pk=result.id)
    assert (run.status, run.attempt, run.rescues) == (Status.COMPLETED, 1, 0)
    assert tickets.last_heartbeat() is None, "it is gone once it has ended"

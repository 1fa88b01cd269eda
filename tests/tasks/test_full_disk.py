"""The disk of the database is full for a while: every write is refused with Postgres' own error, reading works."""

import time
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client

from notifications.models import Notification
from tasks import lifecycle, queues
from tasks.models import TaskRun
from tasks.reconcile import DEAD_AFTER
from tasks.states import Status
from tests.tasks import functions
from tests.tasks.runs import make_run, make_run_in
from tests.waiting import eventually
from tests.workers import WorkerThread

TABLES = (
    "background_tasks", "task_events", "task_items", "task_workers", "task_counts", "task_schedules", "notifications",
    "procrastinate_jobs", "procrastinate_workers",
)  # fmt: skip


class Disk:
    """`full()` and `free()`."""

    def full(self) -> None:
        """From now on nothing can be written."""
        _sql("INSERT INTO full_disk VALUES (true)")

    def free(self) -> None:
        """There is room again."""
        _sql("TRUNCATE full_disk")


def _sql(query: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query)


@pytest.fixture
def disk(engine_tables: None) -> Iterator[Disk]:
    """A disk with room on it."""
    _sql("CREATE TABLE full_disk (is_full boolean)")
    _sql(
        "CREATE FUNCTION refuse_when_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF EXISTS (SELECT FROM full_disk) THEN"
        "   RAISE 'could not extend file \"base/5/16384\": No space left on device' USING ERRCODE = 'disk_full';"
        " END IF; RETURN NULL; END $$"
    )
    for table in TABLES:
        _sql(
            f"CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_when_full()"
        )
    yield Disk()
    for table in TABLES:
        _sql(f"DROP TRIGGER full_disk ON {table}")
    _sql("DROP FUNCTION refuse_when_full")
    _sql("DROP TABLE full_disk")


@pytest.fixture
def working(disk: Disk) -> Iterator[WorkerThread]:
    """A worker on that disk, which is free again when it leaves."""
    thread = WorkerThread().start()
    yield thread
    disk.free()
    thread.stop()


def completed(run_id: str) -> TaskRun:
    """The run, once it has completed."""
    return eventually(lambda: TaskRun.objects.filter(pk=run_id, status=Status.COMPLETED).first(), within=40)


def trouble(worker: WorkerThread) -> int:
    """How often a part of the worker had to be started again."""
    return worker.worker._vitals.restarts


def test_how_a_run_ended_while_the_disk_was_full_is_recorded_when_there_is_room(
    disk: Disk, working: WorkerThread, owner: User
) -> None:
    result = functions.wait_for_gate.using(owner=owner).enqueue("full disk")
    eventually(lambda: TaskRun.objects.filter(pk=result.id, processed_items=1), within=20)
    disk.full()
    full_since = time.monotonic()
    functions.gate("full disk").set()
    # For longer than it takes to presume a worker dead, and then some: nobody may be rescued for not being heard.
    long = DEAD_AFTER.total_seconds() + 4
    eventually(lambda: time.monotonic() - full_since > long and trouble(working), within=40)
    assert TaskRun.objects.get(pk=result.id).status == Status.RUNNING
    disk.free()
    run = completed(result.id)
    assert (run.result, run.attempt, run.rescues) == ("opened", 1, 0)
    assert run.events.filter(data__status=Status.COMPLETED).count() == 1
    assert Notification.objects.count() == 1


def test_progress_goes_on_when_there_is_room_again(disk: Disk, working: WorkerThread) -> None:
    result = functions.tick.enqueue(400)
    eventually(lambda: TaskRun.objects.filter(pk=result.id, processed_items__gt=20), within=20)
    disk.full()
    stands_at = TaskRun.objects.get(pk=result.id).processed_items
    eventually(lambda: trouble(working), within=20)
    assert TaskRun.objects.get(pk=result.id).processed_items == stands_at
    disk.free()
    run = completed(result.id)
    assert (run.processed_items, run.result, run.attempt) == (400, 400, 1)


def test_what_waits_is_taken_up_when_there_is_room_again(disk: Disk, working: WorkerThread) -> None:
    queues.pause("default")
    result = functions.add.enqueue(1, 2)
    disk.full()
    _sql("TRUNCATE task_queues")  # resumed
    eventually(lambda: trouble(working), within=20)
    assert TaskRun.objects.get(pk=result.id).status == Status.PENDING
    disk.free()
    assert completed(result.id).attempt == 1


def test_an_attempt_that_failed_meanwhile_is_tried_again_afterwards(disk: Disk) -> None:
    run = make_run_in(Status.RUNNING, max_attempts=3)
    steps: list[Callable[[], object]] = [
        lambda: lifecycle.release(run),
        lambda: lifecycle.fail(run, "no luck"),
        lambda: make_run(),
    ]
    disk.full()
    for step in steps:
        with pytest.raises(OperationalError):  # what until_done() knows as a reason to try again
            step()
    disk.free()
    assert lifecycle.release(run).attempt == 2


def test_clients_are_asked_to_come_back_and_told_nothing_of_disks(
    disk: Disk, owner: User, client_of: Callable[[User], Client]
) -> None:
    failed, live = make_run_in(Status.FAILED, owner), make_run_in(Status.RUNNING, owner)
    client = client_of(owner)
    disk.full()
    root = "/api/background-tasks/task"
    for answer in (client.post(f"{root}/{failed.pk}/retry"), client.delete(f"{root}/{live.pk}")):
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable"), answer.content
        assert answer["Retry-After"]
        assert b"space" not in answer.content and b"base/" not in answer.content
    assert client.get(f"{root}/{failed.pk}").status_code == 200

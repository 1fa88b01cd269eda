"""What the reconciler makes true again."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from tasks import lifecycle, reconcile, tickets
from tasks.db import database_now
from tasks.states import Status
from tests.tasks.runs import make_run, make_run_in
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("db")

DEAD_AFTER = timedelta(seconds=8)


def sql(query: str, *values: object) -> list[tuple[object, ...]]:
    """Ask or change the engine's tables, as a crash would leave them."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall() if cursor.description else []


def hold(ticket: int | None, *, silent_for: int) -> None:
    """The ticket is held by a worker that was last heard of so many seconds ago."""
    sql("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - make_interval(secs => %s))", silent_for)
    sql(
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT max(id) FROM procrastinate_workers)"
        " WHERE id = %s",
        ticket,
    )


def tickets_left() -> int:
    """How many tickets there are."""
    return int(str(sql("SELECT count(*) FROM procrastinate_jobs")[0][0]))


def test_a_waiting_run_that_lost_its_ticket_gets_a_new_one() -> None:
    run = make_run()
    tickets.discard([run.ticket])
    assert reconcile.sweep() == 1
    run.refresh_from_db()
    assert tickets_left() == 1
    assert reconcile.sweep() == 0


def test_a_waiting_run_whose_ticket_died_with_its_worker_gets_a_new_one() -> None:
    run = make_run()
    hold(run.ticket, silent_for=60)
    assert reconcile.sweep() == 1
    assert tickets_left() == 1


def test_a_ticket_in_the_hands_of_a_living_worker_is_left_alone() -> None:
    waiting, running = make_run(), make_run_in(Status.RUNNING)
    hold(waiting.ticket, silent_for=1)
    hold(running.ticket, silent_for=1)
    assert reconcile.sweep() == 0


@pytest.mark.parametrize(("attempts", "expected"), [(1, Status.FAILED), (2, Status.PENDING)])
def test_a_running_run_of_a_silent_worker_is_rescued(attempts: int, expected: Status) -> None:
    run = make_run_in(Status.RUNNING, max_attempts=attempts)
    hold(run.ticket, silent_for=60)
    assert reconcile.sweep() == 1
    run.refresh_from_db()
    assert run.status == expected


def test_a_ticket_that_outlived_its_run_is_thrown_away() -> None:
    run = make_run_in(Status.COMPLETED)
    hold(run.ticket, silent_for=60)
    reconcile.sweep()
    assert tickets_left() == 0


def test_dead_processes_of_this_host_are_told_by_their_pid() -> None:
    alive = lifecycle.claim(make_run().pk, 1, worker=reconcile.worker_name())
    host = reconcile.worker_name().split(":")[0]
    dead = lifecycle.claim(make_run(max_attempts=2).pk, 1, worker=f"{host}:999999999:1")
    elsewhere = lifecycle.claim(make_run(max_attempts=2).pk, 1, worker="another-host:1:1")
    assert alive and dead and elsewhere
    assert reconcile.rescue_predecessors() == 1
    dead.refresh_from_db()
    assert dead.status == Status.PENDING


def test_a_process_that_has_ended_is_dead_even_before_its_parent_asks() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = f"host:{child.pid}:{reconcile._start_of(child.pid)}"
    assert reconcile._is_alive(name)
    assert not reconcile._is_alive(f"host:{child.pid}:another-start")
    child.kill()
    eventually(lambda: not reconcile._is_alive(name))
    child.communicate()


SECOND = timedelta(seconds=1)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_a_pulse_is_steady_from_its_first_beat_after_a_break() -> None:
    pulse = reconcile.Pulse(4 * SECOND)
    assert pulse.steady_for(NOON) == timedelta()
    for second in (0, 2, 5):
        pulse.beat(NOON + second * SECOND)
    assert pulse.steady_for(NOON + 6 * SECOND) == 6 * SECOND
    assert pulse.steady_for(NOON + 10 * SECOND) == timedelta(), "it is late: it may be broken"
    pulse.beat(NOON + 60 * SECOND)
    assert pulse.steady_for(NOON + 61 * SECOND) == SECOND, "what was before the break is forgotten"
    pulse.beat(NOON)
    assert pulse.steady_for(NOON + SECOND) == SECOND, "a clock that was put back is a break, too"


def test_who_was_not_heard_himself_does_not_judge_the_silent() -> None:
    run = make_run_in(Status.RUNNING, max_attempts=2)
    hold(run.ticket, silent_for=60)
    pulse = reconcile.Pulse(4 * SECOND)
    reconciler = reconcile.Reconciler(pulse)
    assert reconciler.sweep() == 0
    pulse.beat(database_now())
    assert reconciler.sweep() == 0
    for seconds in (9, 6, 3, 0):
        pulse.beat(database_now() - seconds * SECOND)
    assert reconciler.sweep() == 1


def test_a_worker_whose_row_was_deleted_has_until_the_next_sweep_to_put_it_back() -> None:
    run = make_run_in(Status.RUNNING, max_attempts=2)
    hold(run.ticket, silent_for=1)
    sql("DELETE FROM procrastinate_workers")
    pulse = reconcile.Pulse(4 * SECOND)
    for seconds in (9, 6, 3, 0):
        pulse.beat(database_now() - seconds * SECOND)
    reconciler = reconcile.Reconciler(pulse)
    assert [reconciler.sweep(), reconciler.sweep()] == [0, 1]


def test_a_sign_of_life_from_the_future_is_none() -> None:
    run = make_run_in(Status.RUNNING, max_attempts=2)
    hold(run.ticket, silent_for=-3600)  # the database's clock was put back by an hour since
    assert reconcile.sweep() == 1

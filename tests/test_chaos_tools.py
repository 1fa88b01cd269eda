"""What `make chaos` is made of: a plan that can be made again, links like those of a network, checks that can fail."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection

from notifications.models import Notification
from tasks.models import TaskEvent, TaskRun
from tasks.states import Status
from tests.tasks.runs import make_run_in
from tools.chaos import checks
from tools.chaos.functions import BOOKED, TRACES, once
from tools.chaos.leaks import MORE_DESCRIPTORS, Life
from tools.chaos.links import Link, Streams, Trouble
from tools.chaos.logs import findings
from tools.chaos.plan import Deed, Disturbance, make_plan
from tools.chaos.work import Book
from tools.fleet import Sample

WEBS, WORKERS = ["web-1", "web-2"], ["worker-1", "worker-2", "worker-3"]


def plan_of(seed: int) -> list[Disturbance]:
    return make_plan(seed, seconds=600, webs=WEBS, workers=WORKERS, driver="driver", longest=9)


def test_a_seed_is_a_plan_and_another_seed_another_plan() -> None:
    assert plan_of(1) == plan_of(1) != plan_of(2)


@pytest.mark.parametrize("seed", range(5))
def test_a_plan_does_everything_and_always_leaves_somebody_who_can_work(seed: int) -> None:
    plan = plan_of(seed)
    assert {one.deed for one in plan} == set(Deed)
    assert {"postgres", "redis", *WEBS, *WORKERS} <= {one.target for one in plan}
    assert max(one.at + one.lasts for one in plan) <= 600
    killed = {one.target for one in plan if one.deed in {Deed.KILL, Deed.STOP}}
    assert killed.isdisjoint({WEBS[-1], WORKERS[-1]})
    for one in plan:
        harmed = {
            other.target.split(" → ")[0]
            for other in plan
            if other.deed is not Deed.FLOOD and other.at <= one.at < other.at + other.lasts
        }
        assert len(harmed.intersection(WEBS)) < len(WEBS)
        assert len(harmed.intersection(WORKERS)) < len(WORKERS)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data)
    writer.close()


async def test_a_link_delays_what_it_stalls_and_resets_what_it_lost() -> None:
    async with await asyncio.start_server(_echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]

        async def dial() -> Streams:
            return await asyncio.open_connection("127.0.0.1", port)

        link = Link("us → echo", dial)
        await link.open()
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        link.harm(Trouble.STALL)
        writer.write(b"one")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(3), 0.1)
        link.heal()
        assert await asyncio.wait_for(reader.readexactly(3), 5) == b"one"
        link.harm(Trouble.NO_ANSWER)
        writer.write(b"two")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(3), 0.1)
        link.heal()
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(3), 5)
        link.harm(Trouble.REFUSE)
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(3), 5)
        await link.close()


def test_errors_of_an_outage_are_expected_and_others_are_found(tmp_path: Path) -> None:
    def line(level: str, exception: str = "") -> str:
        record = {"at": "…", "level": level, "logger": "tasks", "message": "trouble"}
        return json.dumps(record | ({"exception": exception} if exception else {}))

    outage = "Traceback (most recent call last):\n  File\ndjango.db.utils.OperationalError: the connection is lost\n"
    mistake = "Traceback (most recent call last):\n  File\nKeyError: 'job'\n"
    log = tmp_path / "web-1.log"
    log.write_text("\n".join([line("INFO"), line("ERROR", outage), line("WARNING", mistake), "Traceback …"]))
    found, said = findings([log])
    assert [one.text.rpartition("\n")[2] for one in found] == ["KeyError: 'job'", "Traceback …"]
    assert said["ERROR tasks: django.db.utils.OperationalError"] == 1


def test_a_process_that_holds_more_and_more_descriptors_leaks() -> None:
    warm = Sample(rss=1, own=1, descriptors=50, threads=5, seconds=1)
    last = warm._replace(descriptors=50 + MORE_DESCRIPTORS + 1)
    assert not Life(name="web-2", pid=1, seconds=60, warm=warm, last=warm).leaks()
    [leak] = Life(name="web-2", pid=1, seconds=60, warm=warm, last=last).leaks()
    assert "31 descriptors more" in leak


def _sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def run(engine_tables: None, owner: User, tmp_path: Path) -> Iterator[TaskRun]:
    """A run of one attempt that went as it should, with all the traces of that."""
    _sql(BOOKED)
    run = make_run_in(Status.COMPLETED, owner, task=once.module_path, unique_key="chaos-1")
    leave(tmp_path, run, "begun", "ended")
    yield run
    _sql("DROP TABLE chaos_booked")


def leave(folder: Path, run: TaskRun, *whats: str) -> None:
    with (folder / TRACES).open("a") as file:
        for what in whats:
            file.write(json.dumps({"run": str(run.pk), "attempt": 1, "what": what, "pid": 1, "at": 0}) + "\n")


def wrong_with(run: TaskRun, folder: Path) -> str:
    asked = Book(taken={"chaos-1": run.pk})
    return "\n".join(
        [
            *checks.check_taken(asked),
            *checks.check_runs(asked, folder),
            *checks.check_notifications(),
            *checks.check_counts(),
        ]
    )


def test_nothing_is_wrong_with_a_run_that_went_well(run: TaskRun, tmp_path: Path) -> None:
    assert wrong_with(run, tmp_path) == ""


def test_a_run_that_was_done_twice_is_found(run: TaskRun, tmp_path: Path) -> None:
    leave(tmp_path, run, "begun", "ended")
    assert "an attempt was executed twice" in wrong_with(run, tmp_path)
    assert "has one attempt, and was done 2 times" in wrong_with(run, tmp_path)


def test_a_notification_too_many_and_one_too_few_are_found(run: TaskRun, tmp_path: Path) -> None:
    told = Notification.objects.get()
    told.pk = None
    told.save()
    assert "was told 2 times" in wrong_with(run, tmp_path)
    Notification.objects.all().delete()
    assert "was told 0 times" in wrong_with(run, tmp_path)


def test_a_run_that_is_gone_and_one_that_nobody_asked_for_are_found(run: TaskRun, tmp_path: Path) -> None:
    other = make_run_in(Status.PENDING, unique_key="chaos-2")
    TaskRun.objects.filter(pk=run.pk).delete()
    assert "chaos-1 was taken as run" in wrong_with(run, tmp_path)
    assert f"run {other.pk} (chaos-2) is there though its enqueue was not taken" in wrong_with(run, tmp_path)
    assert "has not ended" in wrong_with(run, tmp_path)


def test_a_second_end_and_a_count_that_is_off_are_found(run: TaskRun, tmp_path: Path) -> None:
    last = run.events.get(seq=run.seq)
    TaskEvent.objects.create(run=run, seq=run.seq + 1, kind=last.kind, data=last.data)
    _sql("UPDATE task_counts SET number = number + 1 WHERE status = 'completed'")
    found = wrong_with(run, tmp_path)
    assert "final events" in found
    assert "runs by owner and status" in found

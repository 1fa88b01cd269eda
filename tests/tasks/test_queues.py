"""Paused queues: nothing is taken from them, the others go on, and afterwards the old order stands."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tasks import queues
from tasks.exceptions import UnknownQueue
from tasks.models import QueueState, TaskRun
from tasks.standstill import find_standstill
from tasks.states import FINAL, Status
from tests.pages.reading import complaints, page, queries_to_render
from tests.tasks import functions
from tests.tasks.runs import make_run
from tests.waiting import eventually
from tests.workers import WorkerThread

API = "/api/background-tasks/queues"

type ClientOf = Callable[[User], Client]


def ended(run: TaskRun) -> TaskRun:
    """The run, once it has ended."""
    return eventually(lambda: TaskRun.objects.filter(pk=run.pk, status__in=FINAL).first(), what="the run ends")


def status_of(run: TaskRun) -> str:
    """Where the run stands now."""
    return TaskRun.objects.values_list("status", flat=True).get(pk=run.pk)


def note(text: str, queue: str = "default") -> TaskRun:
    """A run that leaves a trace."""
    return make_run(task="tests.tasks.functions.note", args=[text], queue=queue)


@pytest.mark.parametrize("only", [None, ["default", "other"]])
def test_a_running_worker_takes_nothing_from_a_paused_queue_and_everything_from_the_others(
    engine_tables: None, only: list[str] | None
) -> None:
    worker = WorkerThread(queues=only) if only else WorkerThread()
    worker.start()
    try:
        queues.pause("default")
        held = make_run()
        for _ in range(3):  # each is fetched after `held`, which is older, had its turn
            assert ended(make_run(queue="other")).status == Status.COMPLETED
        assert status_of(held) == Status.PENDING
        queues.resume("default")
        assert ended(held).status == Status.COMPLETED
    finally:
        worker.stop()


def test_after_a_resume_the_line_goes_on_in_its_old_order(engine_tables: None) -> None:
    functions.SEEN.clear()
    queues.pause("default")
    runs = [note(str(number)) for number in range(5)]
    worker = WorkerThread(concurrency=1).start()
    try:
        ended(note("other", queue="other"))
        queues.resume("default")
        ended(runs[-1])
    finally:
        worker.stop()
    assert functions.SEEN == ["other", "0", "1", "2", "3", "4"]


def test_a_run_that_is_under_way_runs_on_while_its_queue_is_paused(worker: WorkerThread) -> None:
    result = functions.wait_for_gate.enqueue("paused")
    eventually(lambda: TaskRun.objects.filter(pk=result.id, status=Status.RUNNING).exists(), what="it runs")
    queues.pause("default")
    functions.gate("paused").set()
    assert ended(TaskRun.objects.get(pk=result.id)).status == Status.COMPLETED


def test_pausing_twice_keeps_the_first_and_resuming_twice_is_fine(staff: User, owner: User) -> None:
    first = queues.pause("default", by=staff)
    assert queues.pause("default", by=owner) == first
    assert first.paused_by == "staff"
    assert queues.resume("default").paused_at is None
    assert queues.resume("default").paused_at is None


def test_an_unknown_queue_is_neither_paused_nor_remembered(db: None) -> None:
    with pytest.raises(UnknownQueue, match="There is: default"):
        queues.pause("defualt")
    with pytest.raises(UnknownQueue):
        queues.pause(queues.MAINTENANCE_QUEUE)
    assert not QueueState.objects.exists()


def test_who_waits_in_a_paused_queue_is_told_since_when(owner: User, client_of: ClientOf) -> None:
    run = make_run(owner)
    client = client_of(owner)
    at = queues.pause("default").paused_at
    assert at is not None
    told = f"Queue paused since {at.day} {at:%b, %H:%M} UTC"
    assert told in page(client, "/tasks/").text
    document = page(client, run.get_absolute_url())
    assert told in document.text
    assert "The queue “default” is paused" in document.text
    assert "is paused" in page(client, "/").text
    queues.resume("default")
    assert "aused" not in page(client, "/tasks/").text + page(client, run.get_absolute_url()).text


def test_a_paused_queue_is_not_a_worker_that_is_missing(db: None) -> None:
    run = make_run()
    TaskRun.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(minutes=5))
    standstill = find_standstill()
    assert standstill is not None
    assert standstill.no_worker
    at = queues.pause("default").paused_at
    paused = find_standstill()
    assert paused is not None
    assert (paused.no_worker, paused.queue, paused.paused_since) == (False, "default", at)
    other = make_run(queue="other")
    TaskRun.objects.filter(pk=other.pk).update(created_at=timezone.now() - timedelta(minutes=5))
    trouble = find_standstill()
    assert trouble is not None
    assert trouble.no_worker


def test_paused_queues_cost_a_list_no_query_per_run(owner: User, client_of: ClientOf) -> None:
    queues.pause("default")
    make_run(owner)
    cost_of_one = queries_to_render(client_of(owner), "/tasks/")
    for _ in range(10):
        make_run(owner)
    assert queries_to_render(client_of(owner), "/tasks/") == cost_of_one


def test_staff_pause_and_resume_on_the_page(staff: User, client_of: ClientOf) -> None:
    make_run(queue="a/b")
    client = client_of(staff)
    address = reverse("tasks:queue-list")
    document = page(client, address)
    assert complaints(document) == []
    assert [heading.text for heading in document.all("h2")] == ["a/b", "default"]
    assert client.post(reverse("tasks:queue-pause", args=["a/b"])).headers["Location"] == address
    assert "by staff" in page(client, address).text
    client.post(reverse("tasks:queue-resume", args=["a/b"]))
    assert "by staff" not in page(client, address).text
    assert client.post(reverse("tasks:queue-pause", args=["nonsense"])).status_code == 404
    for name in ("tasks:queue-pause", "tasks:queue-resume"):
        assert client.get(reverse(name, args=["default"])).status_code == 405


def test_staff_pause_and_resume_over_the_api(staff: User, client_of: ClientOf) -> None:
    make_run()
    client = client_of(staff)
    (queue,) = client.get(API).json()["queues"]
    assert queue == {"name": "default", "waiting": 1, "running": 0, "paused_at": None, "paused_by": ""}
    paused = client.post(f"{API}/default/pause").json()["queue"]
    assert (paused["paused_by"], paused["paused_at"][-1]) == ("staff", "Z")
    assert client.post(f"{API}/default/resume").json()["queue"] == queue
    assert client.post(f"{API}/nonsense/pause").status_code == 404


def test_only_staff_with_the_permission_control_queues(owner: User, teammate: User, client_of: ClientOf) -> None:
    User.objects.filter(pk=teammate.pk).update(is_staff=True)
    teammate.user_permissions.add(Permission.objects.get(codename="view_taskrun"))
    may_look, may_nothing = client_of(teammate), client_of(owner)
    assert may_look.get(API).status_code == may_look.get(reverse("tasks:queue-list")).status_code == 200
    assert not page(may_look, reverse("tasks:queue-list")).all(
        "form", action=reverse("tasks:queue-pause", args=["default"])
    )
    assert may_nothing.get(API).status_code == may_nothing.get(reverse("tasks:queue-list")).status_code == 403
    for client in (may_look, may_nothing):
        for path in (f"{API}/default/pause", f"{API}/default/resume"):
            assert client.post(path).status_code == 403
        for name in ("tasks:queue-pause", "tasks:queue-resume"):
            assert client.post(reverse(name, args=["default"])).status_code == 403
    assert Client().post(f"{API}/default/pause").status_code == 401
    assert not QueueState.objects.exists()

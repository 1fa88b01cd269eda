"""The dashboard."""

import re
from collections.abc import Callable
from datetime import timedelta

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tasks import queues, workers
from tasks.models import TaskRun, WorkerState
from tasks.states import Status
from tests.pages.reading import complaints, page, queries_to_render
from tests.tasks.runs import make_run, make_run_in

type ClientOf = Callable[[User], Client]


def test_the_tiles_count_the_viewers_own_runs(owner: User, stranger: User, client_of: ClientOf) -> None:
    for status in Status:
        make_run_in(status, owner)
    make_run_in(Status.FAILED, stranger)
    tiles = page(client_of(owner), reverse("dashboard")).one(id="tiles").all("a")
    assert {tile.text for tile in tiles} == {"Running 1", "Waiting 1", "Completed 1", "Failed 1", "Cancelled 1"}


def test_what_runs_stands_before_what_waits(owner: User, client_of: ClientOf) -> None:
    make_run(owner, name="Waits")
    make_run_in(Status.RUNNING, owner, name="Runs")
    live = page(client_of(owner), reverse("dashboard")).one(id="live-runs")
    assert [title.text for title in live.all("h3")] == ["Runs", "Waits"]


def test_a_failure_is_shown_with_its_reason(owner: User, client_of: ClientOf) -> None:
    make_run_in(Status.FAILED, owner, name="Import")
    assert "no luck" in page(client_of(owner), reverse("dashboard")).one(id="failed-runs").text


def test_with_nothing_to_show_it_says_what_to_do_first(owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)
    assert "Nothing has run yet" in page(client, reverse("dashboard")).text
    make_run_in(Status.COMPLETED, owner)
    assert "All quiet" in page(client, reverse("dashboard")).text


def test_staff_see_who_works_how_busy_and_what_trouble_there_was(owner: User, staff: User, client_of: ClientOf) -> None:
    run = make_run_in(Status.RUNNING, owner)
    TaskRun.objects.filter(pk=run.pk).update(worker="web-1:4711:99")
    workers.register(WorkerState(name="web-1:4711:99", concurrency=3))
    hurt = WorkerState(name="web-2:12:99", concurrency=1, queues=["mail"], restarts=2, trouble="listen: <b>gone</b>")
    workers.register(hurt, restarted_ago=timedelta(seconds=30))
    workers.register(WorkerState(name="web-3:1:99"))
    workers.stopped("web-3:1:99")
    document = page(client_of(staff), reverse("dashboard"))
    assert complaints(document) == []
    well, restarted = document.one(id="workers").all("li")
    assert well.text.startswith("web-1, process 4711 Well 1 of 3 busy takes every queue there since")
    assert restarted.text.startswith("web-2, process 12 Restarted 0 of 1 busy takes only mail there since")
    assert "last heard now" in well.text
    assert "started again 2 times" in restarted.text
    assert "listen: <b>gone</b>" in restarted.text


def test_trouble_long_ago_is_told_and_worries_nobody(staff: User, client_of: ClientOf) -> None:
    old = WorkerState(name="web-1:4711:99", restarts=1, trouble="listen: gone")
    workers.register(old, restarted_ago=timedelta(hours=1))
    assert "Well" in page(client_of(staff), reverse("dashboard")).one(id="workers").text


def test_staff_are_told_that_no_worker_is_there(staff: User, client_of: ClientOf) -> None:
    assert "No worker is there" in page(client_of(staff), reverse("dashboard")).one(id="workers").text


def test_staff_see_what_waits_and_what_is_paused(owner: User, staff: User, client_of: ClientOf) -> None:
    make_run(owner, queue="mail")
    queues.pause("mail", by=staff)
    shown = page(client_of(staff), reverse("dashboard")).one(id="queues").all("li")
    assert [re.split(" the oldest from| paused", line.text)[0] for line in shown] == [
        "default 0 waiting 0 running Open",
        "mail 1 waiting 0 running",
    ]
    told = shown[1].text
    assert re.search(r" the oldest from (now|\d+ seconds? ago) paused .* by staff Paused$", told), told


def test_workers_are_no_business_of_anybody_else(owner: User, client_of: ClientOf) -> None:
    workers.register(WorkerState(name="web-1:4711:99"))
    document = page(client_of(owner), reverse("dashboard"))
    assert not document.all(id="workers")
    assert "web-1" not in document.text


def test_ten_workers_cost_as_many_queries_as_one(staff: User, client_of: ClientOf) -> None:
    client = client_of(staff)
    workers.register(WorkerState(name="web-0:1:1"))
    cost_of_one = queries_to_render(client, reverse("dashboard"))
    for number in range(10):
        workers.register(WorkerState(name=f"web-1:{number}:1"))
    assert queries_to_render(client, reverse("dashboard")) == cost_of_one


def test_charts_are_said_in_words_and_in_a_table(owner: User, stranger: User, client_of: ClientOf) -> None:
    make_run_in(Status.COMPLETED, owner)
    make_run_in(Status.FAILED, owner)
    make_run_in(Status.FAILED, stranger)
    document = page(client_of(owner), reverse("dashboard"))
    chart = document.one(id="chart-outcomes")
    assert "2 runs ended in the last 24 hours. 50.0% of them failed." in chart.text
    [row] = chart.one("tbody").all("tr")
    assert [cell.text for cell in row.all("td")] == ["1", "1", "0"]
    assert len(document.one(id="chart-durations").one("tbody").all("tr")) == 1
    assert "None was added in the last 30 days." in document.one(id="chart-articles").text
    assert complaints(document) == []


def test_without_runs_the_charts_say_so(owner: User, client_of: ClientOf) -> None:
    chart = page(client_of(owner), reverse("dashboard")).one(id="chart-outcomes")
    assert "No run ended in the last 24 hours." in chart.text
    assert not chart.all("table")


def test_failures_stand_together_by_name_with_their_reasons_and_a_way_to_do_them_again(
    owner: User, client_of: ClientOf
) -> None:
    for name, error in (("Import", "no answer"), ("Import", "no answer"), ("Import", "row 7"), ("Mail", "no route")):
        run = make_run_in(Status.FAILED, owner, name=name)
        TaskRun.objects.filter(pk=run.pk).update(error=error)
    client = client_of(owner)
    document = page(client, reverse("dashboard"))
    assert complaints(document) == []
    mail, imports = document.one(id="failed-runs").one("ul").all("li")
    assert imports.text.startswith("Import 3 times")
    assert "2 × no answer" in imports.text and "1 × row 7" in imports.text
    again = imports.one("a", class_="button").attrs["href"]
    assert "Retry 3 runs" in page(client, again).text
    [form] = mail.all("form")
    client.post(form.attrs["action"])
    shown = page(client, reverse("dashboard")).one(id="failed-runs")
    assert [title.text for title in shown.all("a", class_="button")] == ["Retry all… Import"]


def test_a_failure_of_somebody_else_cannot_be_run_again_by_who_may_only_look(
    owner: User, staff: User, client_of: ClientOf
) -> None:
    make_run_in(Status.FAILED, owner, name="Import")
    staff.user_permissions.remove(*staff.user_permissions.filter(codename="control_taskrun"))
    shown = page(client_of(staff), reverse("dashboard")).one(id="failed-runs")
    assert "Import" in shown.text
    assert not shown.all("form")

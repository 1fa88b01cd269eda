"""The dashboard."""

from collections.abc import Callable

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tasks.states import Status
from tests.pages.reading import page
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

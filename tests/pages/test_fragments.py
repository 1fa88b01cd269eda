"""Fragments are the partials of the pages: what a frame draws is what a reload would draw."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from live import fragments
from tasks.models import TaskEvent, TaskRun
from tasks.presenters import duration_text, eta_text, present_run, render_run_fragments
from tasks.states import Status
from tasks.updates import frame_of, frame_of_event
from tests.pages.reading import Element, page, read
from tests.tasks.runs import make_run, make_run_in

NASTY = "<script>alert(1)</script>"


def by_id(document: Element) -> dict[str, Element]:
    """The top elements of a fragment."""
    return {element.attrs["id"]: element for element in document.children}


def looks(element: Element) -> object:
    """An element without what only a fragment has."""
    attrs = {name: value for name, value in element.attrs.items() if name != "hx-swap-oob"}
    return element.tag, attrs, element.text, [looks(child) for child in element.children]


@pytest.mark.parametrize("status", list(Status))
def test_a_fragment_draws_what_the_page_draws(status: Status, owner: User, client_of) -> None:
    run = make_run_in(status, owner)
    if status == Status.RUNNING:
        TaskRun.objects.filter(pk=run.pk).update(
            total_items=200, processed_items=90, progress=45, stage="analyzing", current_item=NASTY
        )
    run = TaskRun.objects.get(pk=run.pk)
    shown = page(client_of(owner), run.get_absolute_url())
    drawn = by_id(read(render_run_fragments([frame_of(run)])[0]))
    assert {f"run-{run.pk}-status", f"run-{run.pk}-progress"} <= drawn.keys()
    for key, element in drawn.items():
        assert element.attrs["hx-swap-oob"] == "true"
        assert looks(element) == looks(shown.one(id=key))


def test_cancelling_is_drawn_as_such(owner: User) -> None:
    run = make_run_in(Status.RUNNING, owner)
    TaskRun.objects.filter(pk=run.pk).update(cancel_requested_at=timezone.now())
    drawn = by_id(read(render_run_fragments([frame_of(TaskRun.objects.get(pk=run.pk))])[0]))
    assert drawn[f"run-{run.pk}-status"].text == "Cancelling…"


def test_progress_is_drawn_without_asking_the_database(owner: User, django_assert_num_queries) -> None:
    run = make_run_in(Status.RUNNING, owner)
    TaskRun.objects.filter(pk=run.pk).update(total_items=3, processed_items=1, progress=33.3)
    frame = frame_of(TaskRun.objects.get(pk=run.pk))
    with django_assert_num_queries(0):
        drawn = by_id(read(render_run_fragments([frame])[0]))
    assert drawn[f"run-{run.pk}-progress"].attrs["data-percent"] == "33"


def test_a_change_of_status_costs_one_query(owner: User, django_assert_num_queries) -> None:
    frame = frame_of(make_run_in(Status.FAILED, owner))
    with django_assert_num_queries(1):
        render_run_fragments([frame])


def test_a_fragment_holds_no_buttons_and_no_traceback(owner: User) -> None:
    for status in Status:
        document = read(render_run_fragments([frame_of(make_run_in(status, owner))])[0])
        assert not document.all("form")
        assert not document.all("button")
        assert "ValueError" not in document.text


@pytest.mark.parametrize("kind", [TaskEvent.Kind.BATCH, TaskEvent.Kind.LOG])
def test_batches_and_logs_go_to_the_top_of_the_timeline(kind: str, owner: User) -> None:
    run = make_run_in(Status.RUNNING, owner)
    event = TaskEvent.objects.create(
        run=run, seq=9, kind=kind, data={"batch_completed": 1, "total_batches": 2, "level": "error", "message": NASTY}
    )
    top = read(render_run_fragments([frame_of_event(run, event)])[0]).children[0]
    assert top.attrs["hx-swap-oob"] == f"afterbegin:#run-{run.pk}-events"
    assert top.one("li").attrs["data-event"] == "9"
    assert top.one(class_="event-text").text == ("Batch 1 of 2 done" if kind == "batch" else NASTY)


def test_frames_of_runs_that_are_gone_or_of_a_newer_version_draw_nothing(owner: User) -> None:
    frame = frame_of(make_run_in(Status.COMPLETED, owner))
    assert render_run_fragments([{**frame, "status": "from the future"}]) == [""]
    TaskRun.objects.all().delete()
    assert render_run_fragments([frame]) == [""]


def test_sockets_find_our_renderers() -> None:
    for frame_type in ("job_update", "notification", "unread_count"):
        assert fragments.has_renderer({"type": frame_type})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"), (0.9, "0 s"), (59, "59 s"), (60, "1 min"), (125, "2 min 5 s"), (3600, "1 h"), (4200, "1 h 10 min"),
        (90000, "1 d 1 h"), (172800, "2 d"),
    ],
)  # fmt: skip
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""), (0, "a few seconds left"), (6, "about 10 s left"), (59, "about 60 s left"),
        (61, "about 2 min left"), (3600, "about 1 h left"), (4300, "about 1 h 20 min left"),
    ],
)  # fmt: skip
def test_the_time_left_is_rounded_up(seconds: int | None, text: str) -> None:
    assert eta_text(seconds) == text


def test_nearly_done_is_not_yet_100_percent(owner: User) -> None:
    run = make_run_in(Status.RUNNING, owner)
    run.total_items, run.processed_items, run.progress = 1000, 1000, 99.9
    assert present_run(run).percent_text == "99%"
    run = make_run_in(Status.COMPLETED, owner)
    assert present_run(run).percent_text == "100%"


def test_a_run_that_starts_later_says_when(owner: User) -> None:
    run = make_run(owner, run_after=timezone.now() + timedelta(minutes=5))
    assert present_run(run).headline.startswith("Starts in 5 min")


def test_a_topic_that_is_an_id_is_shown_by_its_name(owner: User) -> None:
    run = make_run(owner, topic="7", metadata={"topic_name": "Energy"})
    assert present_run(run).topic == "Energy"
    assert present_run(make_run(owner, topic="imports")).topic == "imports"

"""The list of runs, one run's page, and what can be done there without JavaScript."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qsl

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tasks import listing, pages
from tasks.models import TaskEvent, TaskRun
from tasks.states import Status
from tests.pages.reading import Element, complaints, page, queries_to_render, read
from tests.tasks.runs import make_run, make_run_in

type ClientOf = Callable[[User], Client]
LIST = "/tasks/"


def names(document: Element) -> list[str]:
    """The names of the runs on a list, from top to bottom."""
    return [card.one("h3").text for card in document.all("article")]


def test_the_list_is_newest_first_and_filters_by_status(owner: User, client_of: ClientOf) -> None:
    for status in Status:
        make_run_in(status, owner, name=f"Run {status.value}")
    client = client_of(owner)
    assert names(page(client, LIST)) == [f"Run {status.value}" for status in reversed(Status)]
    for status in Status:
        document = page(client, f"{LIST}?status={status.value}")
        assert names(document) == [f"Run {status.value}"]
        assert document.one("nav", class_="filters").one("a", aria_current="page").attrs["href"].endswith(status.value)


def test_runs_are_found_by_name_topic_and_id(owner: User, client_of: ClientOf) -> None:
    wanted = make_run(owner, name="Nightly import", topic="Energy")
    make_run(owner, name="Other")
    client = client_of(owner)
    for words in ("nightly", "ENERGY", str(wanted.pk)):
        assert names(page(client, f"{LIST}?q={words}")) == ["Nightly import"]
    assert "No run matches" in page(client, f"{LIST}?q=100%25_").text


def test_a_search_with_strange_characters_is_only_a_search(owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)
    for query in ("q=%00", "q=%27%3B--", "status=%00", "topic=%00", "after=%00", "after=eA", "q=" + "x" * 5000):
        assert client.get(f"{LIST}?{query}").status_code == 200


def test_pages_go_on_where_the_last_one_ended(
    owner: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE_SIZE", 3)
    at = timezone.now()
    for number in range(8):
        run = make_run(owner, name=f"Run {number}")
        TaskRun.objects.filter(pk=run.pk).update(created_at=at)  # all at once: the id must decide
    client, path, seen = client_of(owner), f"{LIST}?q=run", []
    for _ in range(3):
        document = page(client, path)
        seen += names(document)
        following = document.all("a", rel="next")
        path = following[0].attrs["href"] if following else ""
    assert path == ""
    assert sorted(seen) == [f"Run {number}" for number in range(8)]


def test_a_filter_survives_paging_tabs_and_reload(
    owner: User, staff: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE_SIZE", 1)
    for _ in range(3):
        make_run(owner, name="Import", topic="energy")
    query = "q=imp&name=import&topic=energy&owner=owner&last=24h&created_after=2020-01-01T00%3A00%3A00&status=pending"
    document = page(client_of(staff), f"{LIST}?{query}")
    assert complaints(document) == []
    asked = dict(parse_qsl(query))
    form = document.one("form", role="search")
    entered = {field.attrs["name"]: field.attrs["value"] for field in form.all("input") if field.attrs.get("value")}
    chosen = {form.one("select").attrs["name"]: form.one("option", selected="").attrs["value"]}
    assert entered | chosen == asked
    assert form.one("summary").text == "More filters: 5 set"
    links = [link.attrs["href"] for link in document.one("main").all("a")]
    for link in [*links_of(document, "nav", class_="filters"), *links_of(document, "nav", class_="pagination")]:
        assert asked.items() - {("status", "pending")} <= dict(parse_qsl(link.partition("?")[2])).items(), link
    [bulk] = [link for link in links if "/bulk/" in link]
    assert dict(parse_qsl(bulk.partition("?")[2])) == asked
    following = page(client_of(staff), document.one("a", rel="next").attrs["href"])
    assert names(following) == ["Import"]


def links_of(document: Element, tag: str, **attrs: str) -> list[str]:
    """The addresses inside one element."""
    return [link.attrs["href"] for link in document.one(tag, **attrs).all("a")]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("name=night", ["Nightly import"]), ("name=port", []), ("name=import+nightly", ["Nightly import"]),
        ("q=bremen", ["Nightly import"]), ("owner=owner", ["Nightly import"]), ("owner=nobody", []),
        ("topic=energy", ["Nightly import"]), ("last=1h", ["Nightly import"]),
        ("status=pending,failed", ["Nightly import"]),
        ("created_after=2019-12-31&created_before=2020-01-02", ["Old"]), ("created_before=2020-01-01", []),
        ("created_after=2020-01-01T00:00:00%2B00:00&created_before=2020-01-01T00:00:01Z", ["Old"]),
    ],
)  # fmt: skip
def test_runs_are_filtered_by_status_name_owner_topic_and_time(
    owner: User, stranger: User, staff: User, client_of: ClientOf, query: str, expected: list[str]
) -> None:
    make_run(owner, name="Nightly import", topic="energy", kwargs={"city": "Bremen"})
    old = make_run_in(Status.COMPLETED, stranger, name="Old")
    TaskRun.objects.filter(pk=old.pk).update(created_at="2020-01-01T00:00Z")
    assert names(page(client_of(staff), f"{LIST}?{query}")) == expected


def test_whose_runs_is_asked_of_staff_alone(owner: User, staff: User, client_of: ClientOf) -> None:
    make_run(staff)
    assert not page(client_of(owner), LIST).all("input", name="owner")
    assert page(client_of(staff), LIST).all("input", name="owner")
    assert names(page(client_of(owner), f"{LIST}?owner=staff")) == []


def test_rare_and_frequent_words_are_found_wherever_they_stand(
    owner: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "LOOKED_THROUGH", 2)
    monkeypatch.setattr(pages, "PAGE_SIZE", 3)
    for number in range(9):
        make_run(owner, name=f"{'Rare' if number in (0, 4, 8) else 'Usual'} {number}", topic=f"t{number % 2}")
    client = client_of(owner)
    assert names(page(client, f"{LIST}?q=rare")) == ["Rare 8", "Rare 4", "Rare 0"]
    assert names(page(client, f"{LIST}?name=rare&topic=t0")) == ["Rare 8", "Rare 4", "Rare 0"]
    path, seen = f"{LIST}?q=usual", []
    while path:
        document = page(client, path)
        seen += names(document)
        path = next((link.attrs["href"] for link in document.all("a", rel="next")), "")
    assert seen == [f"Usual {number}" for number in (7, 6, 5, 3, 2, 1)]


def test_an_empty_list_says_what_to_do_first(owner: User, client_of: ClientOf) -> None:
    assert "No runs yet" in page(client_of(owner), LIST).one(class_="empty").text


def test_the_bar_has_no_value_while_the_total_is_unknown(owner: User, client_of: ClientOf) -> None:
    run = make_run_in(Status.RUNNING, owner)
    client = client_of(owner)
    bar = page(client, run.get_absolute_url()).one("progress")
    assert "value" not in bar.attrs
    TaskRun.objects.filter(pk=run.pk).update(total_items=1000, processed_items=450, progress=45.0)
    document = page(client, run.get_absolute_url())
    assert document.one("progress").attrs["value"] == "45.0"
    assert document.one("progress").attrs["aria-labelledby"] == document.one("h1").attrs["id"]
    assert "450 of 1,000" in document.one(class_="progress").text


def test_the_time_left_is_not_said_before_it_can_be_known(owner: User, client_of: ClientOf) -> None:
    run = make_run_in(Status.RUNNING, owner)
    client = client_of(owner)
    row = TaskRun.objects.filter(pk=run.pk)
    row.update(total_items=100, processed_items=50, progress=50, started_at=timezone.now() - timedelta(seconds=2))
    assert page(client, run.get_absolute_url()).one(class_="progress-eta").text == ""
    row.update(started_at=timezone.now() - timedelta(seconds=100))
    assert page(client, run.get_absolute_url()).one(class_="progress-eta").text == "about 2 min left"


def test_a_run_shows_its_arguments_result_and_timeline_but_no_secret(owner: User, client_of: ClientOf) -> None:
    run = make_run_in(Status.COMPLETED, owner, args=[], kwargs={"limit": 7, "api_key": "s3cret"})
    TaskRun.objects.filter(pk=run.pk).update(result={"saved": 1234})
    document = page(client_of(owner), run.get_absolute_url())
    assert "limit 7" in document.text
    assert "s3cret" not in document.text
    assert "saved 1,234" in document.one(id="run-results").text
    assert [line.one(class_="event-text").text for line in document.one("ol", class_="timeline").all("li")] == [
        "Completed",
        "Started",
        "Queued",
    ]


def test_the_socket_of_a_run_goes_on_where_the_page_was_made(owner: User, client_of: ClientOf) -> None:
    run = make_run_in(Status.RUNNING, owner)
    TaskRun.objects.filter(pk=run.pk).update(seq=12345)
    sockets = [live.attrs["ws-connect"] for live in page(client_of(owner), run.get_absolute_url()).all(class_="live")]
    assert f"/ws/bulk-process/{run.pk}?content=html&lang=en&since=12345" in sockets


def test_a_waiting_run_says_its_place_in_line(owner: User, client_of: ClientOf) -> None:
    make_run(owner)
    second = make_run(owner)
    assert "number 2 in line" in page(client_of(owner), second.get_absolute_url()).text


def test_a_waiting_run_says_that_no_worker_is_there(owner: User, client_of: ClientOf) -> None:
    run = make_run(owner)
    client = client_of(owner)
    assert "No worker is running" not in page(client, run.get_absolute_url()).text
    TaskRun.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(minutes=5))
    for path in (run.get_absolute_url(), reverse("dashboard")):
        assert "No worker is running" in page(client, path).one(id="standstill").text


def test_cancel_works_without_javascript(owner: User, client_of: ClientOf) -> None:
    run = make_run_in(Status.RUNNING, owner, name="Import")
    client = client_of(owner)
    link = page(client, run.get_absolute_url()).one("a", id=f"run-{run.pk}-cancel")
    question = page(client, link.attrs["href"])
    assert "Cancel “Import”?" in question.one("h1").text
    assert question.one("a", class_="button-plain").attrs["href"] == run.get_absolute_url()
    answer = client.post(question.one("main").one("form").attrs["action"], follow=True)
    document = read(answer.content)
    assert document.one(id=f"run-{run.pk}-status").attrs["data-status"] == "cancelling"
    assert "is being cancelled" in document.one(class_="messages").text
    assert not document.all(id=f"run-{run.pk}-cancel")


def test_cancelling_a_waiting_run_is_done_at_once(owner: User, client_of: ClientOf) -> None:
    run = make_run(owner)
    answer = client_of(owner).post(reverse("tasks:cancel", args=[run.pk]), {"next": "/tasks/?status=pending"})
    assert answer["Location"] == "/tasks/?status=pending"
    run.refresh_from_db()
    assert run.status == Status.CANCELLED


@pytest.mark.parametrize("target", ["//evil.example/", "https://evil.example/", "javascript:alert(1)", "\\evil"])
def test_after_cancelling_nobody_is_sent_to_another_site(owner: User, client_of: ClientOf, target: str) -> None:
    run = make_run(owner)
    client = client_of(owner)
    assert client.post(reverse("tasks:cancel", args=[run.pk]), {"next": target})["Location"] == run.get_absolute_url()


def test_cancelling_what_has_ended_shows_how_it_ended(owner: User, client_of: ClientOf) -> None:
    run = make_run_in(Status.COMPLETED, owner)
    client = client_of(owner)
    assert client.get(reverse("tasks:cancel", args=[run.pk]))["Location"] == run.get_absolute_url()
    document = read(client.post(reverse("tasks:cancel", args=[run.pk]), follow=True).content)
    assert "had ended already" in document.one(class_="messages").text
    assert document.one(id=f"run-{run.pk}-status").attrs["data-status"] == "completed"


def test_retry_leads_to_a_new_run_that_knows_the_old_one(owner: User, client_of: ClientOf) -> None:
    run = make_run_in(Status.FAILED, owner)
    client = client_of(owner)
    form = page(client, run.get_absolute_url()).one(id=f"run-{run.pk}-actions").one("form")
    answer = client.post(form.attrs["action"])
    again = TaskRun.objects.get(retry_of=run)
    assert answer["Location"] == again.get_absolute_url()
    facts = page(client, again.get_absolute_url()).one(id="run-facts")
    assert facts.all("a", href=run.get_absolute_url())
    assert str(again.pk) in page(client, run.get_absolute_url()).one(id="run-related").all("a")[0].attrs["href"]


def test_retry_of_a_completed_run_is_refused_in_a_sentence(owner: User, client_of: ClientOf) -> None:
    run = make_run_in(Status.COMPLETED, owner)
    answer = client_of(owner).post(reverse("tasks:retry", args=[run.pk]), follow=True)
    assert "Only a failed or cancelled run" in read(answer.content).one(class_="messages").text


def test_retry_while_the_same_work_is_live_leads_there(owner: User, client_of: ClientOf) -> None:
    run = make_run_in(Status.FAILED, owner, unique_key="import:1")
    live = make_run(owner, unique_key="import:1")
    assert client_of(owner).post(reverse("tasks:retry", args=[run.pk]))["Location"] == live.get_absolute_url()


def test_staff_who_may_only_look_have_no_buttons_and_no_way_around(owner: User, client_of: ClientOf) -> None:
    run = make_run_in(Status.RUNNING, owner)
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_taskrun"))
    client = client_of(reader)
    assert page(client, run.get_absolute_url()).one(id=f"run-{run.pk}-actions").text == ""
    assert client.post(reverse("tasks:cancel", args=[run.pk])).status_code == 403
    run.refresh_from_db()
    assert run.cancel_requested_at is None


def test_the_cost_of_a_list_does_not_grow_with_its_rows(owner: User, staff: User, client_of: ClientOf) -> None:
    make_run_in(Status.FAILED, owner)
    make_run(owner)
    for user in (owner, staff):
        client = client_of(user)
        before = {path: queries_to_render(client, path) for path in (LIST, "/")}
        for _ in range(6):
            make_run_in(Status.FAILED, owner)
            make_run(owner)
        assert {path: queries_to_render(client, path) for path in (LIST, "/")} == before
        assert max(before.values()) <= (20 if user == staff else 15)  # staff see workers and queues, too


def test_the_cost_of_a_run_does_not_grow_with_its_story(owner: User, client_of: ClientOf) -> None:
    run = make_run_in(Status.RUNNING, owner)
    make_run(owner)
    client = client_of(owner)
    before = queries_to_render(client, run.get_absolute_url())
    TaskEvent.objects.bulk_create(
        TaskEvent(run=run, seq=seq, kind="batch", data={"batch_completed": seq}) for seq in range(10, 300)
    )
    make_run(owner)
    assert queries_to_render(client, run.get_absolute_url()) == before
    assert "Older entries are not shown" in page(client, run.get_absolute_url()).text

"""The page of a bulk analysis: looked at first, mended in place, started once it was seen."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from ingest.addresses import SHOWN
from ingest.models import Topic
from tasks.models import TaskRun
from tests.pages.reading import Element, complaints, read

type ClientOf = Callable[[User], Client]

pytestmark = pytest.mark.django_db
PATH = "/keyword-alerts/analyze/"
TEXT = (
    "https://news.example/1\r\nwww.news.example/2\r\n\r\nhttps://news.example/3\r\nhttps://news.example/1\r\nnonsense"
)


@pytest.fixture
def client(client_of: ClientOf, owner: User) -> Client:
    """The owner's browser."""
    return client_of(owner)


def fields_of(page: Element) -> dict[str, str]:
    """What a browser would send of the form as it stands, without its buttons."""
    form = page.one("form", enctype="multipart/form-data")
    inputs = [one for one in form.all("input") if one.attrs.get("type") not in {"file", "checkbox"}]
    found = {one.attrs["name"]: one.attrs.get("value", "") for one in inputs}
    for one in form.all("textarea"):
        # A browser leaves out the first line end, and sends those it has as two characters.
        found[one.attrs["name"]] = "".join(map(str, one.parts)).removeprefix("\n").replace("\n", "\r\n")
    chosen = [one.attrs["value"] for one in form.all("option") if "selected" in one.attrs]
    return {**found, "topic": chosen[0] if chosen else ""}


def send(client: Client, **fields: Any) -> tuple[int, Element]:
    """Post the form. The status, and the page that came back."""
    answer = client.post(PATH, fields)
    return answer.status_code, read(answer.content)


def started(client: Client, fields: dict[str, Any]) -> TaskRun:
    """The run that pressing Start begins."""
    answer = client.post(PATH, {**fields, "do": "start"})
    assert answer.status_code == 302, answer.content.decode()[:3000]
    run = TaskRun.objects.get()
    assert answer.headers["Location"] == run.get_absolute_url()
    return run


def keys_of(run: TaskRun) -> list[str]:
    return list(run.items.order_by("pk").values_list("key", flat=True))


def test_what_would_be_read_is_shown_before_anything_starts(client: Client, topic: Topic) -> None:
    status, page = send(client, text=TEXT, topic=topic.pk, do="start")
    assert status == 200
    assert not TaskRun.objects.exists(), "nobody has seen yet what would be read"
    assert complaints(page) == []
    check = page.one("section", id="check")
    assert "2 addresses to read, 1 repeated, 2 lines cannot be used." in check.text
    assert check.one("label", **{"for": "line-2"}).text == "Line 2"
    assert check.one("input", id="line-2").attrs["value"] == "www.news.example/2"
    assert "does not begin with http:// or https://" in check.text
    assert [one.attrs["value"] for one in check.all("button")] == ["start", "check"]


def test_bad_lines_are_mended_where_they_are_listed(client: Client, engine_tables: None, topic: Topic) -> None:
    fields = fields_of(send(client, text=TEXT, topic=topic.pk)[1])
    fields["line-2"] = "https://www.news.example/2"
    status, page = send(client, **fields, do="check")
    assert status == 200
    assert "3 addresses to read, 1 repeated, 1 line cannot be used." in page.one("section", id="check").text
    assert page.one("input", id="line-6").attrs["value"] == "nonsense", "it keeps its number"
    run = started(client, fields_of(page))
    assert keys_of(run) == ["https://news.example/1", "https://www.news.example/2", "https://news.example/3"]


def test_one_can_go_on_without_what_is_bad(client: Client, engine_tables: None, topic: Topic) -> None:
    fields = fields_of(send(client, text=TEXT, topic=topic.pk, save="on", relevance_threshold="0.25")[1])
    run = started(client, {**fields, "save": "on"})
    assert keys_of(run) == ["https://news.example/1", "https://news.example/3"]
    assert run.kwargs == {"topic": "Energy", "keywords": [], "relevance_threshold": 0.25, "save": True}


def test_what_was_changed_since_it_was_seen_is_shown_again(client: Client, topic: Topic) -> None:
    fields = fields_of(send(client, text=TEXT, topic=topic.pk)[1])
    fields["text"] += "\nhttps://news.example/4"
    status, page = send(client, **fields, do="start")
    assert status == 200
    assert "3 addresses to read" in page.text
    assert not TaskRun.objects.exists()


def test_a_files_addresses_stay_in_the_form(client: Client, engine_tables: None, topic: Topic) -> None:
    file = SimpleUploadedFile("list.csv", "title;url\r\nA;https://news.example/1\r\nB;nonsense\r\n".encode("utf-16"))
    page = send(client, file=file, topic=topic.pk)[1]
    assert page.one("label", **{"for": "line-3"}).text == "Line 3"
    assert keys_of(started(client, fields_of(page))) == ["https://news.example/1"]


def test_a_file_is_added_to_what_was_pasted(client: Client, topic: Topic) -> None:
    file = SimpleUploadedFile("list.txt", b"https://news.example/2\nhttps://news.example/1\n")
    page = send(client, text="https://news.example/1", file=file, topic=topic.pk)[1]
    assert "2 addresses to read, 1 repeated." in page.one("section", id="check").text


def test_nothing_typed_is_lost_when_something_else_is_wrong(client: Client, topic: Topic) -> None:
    typed = {"text": TEXT, "topic": "", "keywords": "", "relevance_threshold": "7"}
    status, page = send(client, **typed, do="start")
    assert status == 422
    assert "Choose a topic, or say here what to look for." in page.text
    kept = fields_of(page)
    assert kept["relevance_threshold"] == "7"
    assert "https://news.example/3" in kept["text"]
    assert kept["line-6"] == "nonsense"
    assert not page.one("section", id="check").all("button", value="start")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"text": "", "topic": "TOPIC"}, "Paste some addresses"),
        ({"text": "https://a.example/", "keywords": "heat", "save": "on"}, "Choose a topic to keep the articles in."),
        ({"text": "https://a.example/", "keywords": "?!"}, "needs letters or digits"),
        ({"text": "https://a.example/", "topic": "999999"}, "not one of the available choices"),
    ],
)
def test_each_field_says_what_is_wrong_with_it(
    client: Client, topic: Topic, fields: dict[str, str], words: str
) -> None:
    status, page = send(client, **{key: str(topic.pk) if value == "TOPIC" else value for key, value in fields.items()})
    assert status == 422
    assert words in page.text
    assert complaints(page) == []


def test_a_file_that_is_too_large_is_refused_in_plain_words(client: Client, topic: Topic) -> None:
    file = SimpleUploadedFile("list.txt", b"https://a.example/" + b"#" * 5_000_000)
    status, page = send(client, file=file, text="https://news.example/1", topic=topic.pk)
    assert status == 422
    assert "5 MB is the most" in page.text
    assert "https://news.example/1" in fields_of(page)["text"]


@pytest.mark.parametrize("checked", [True, False])
def test_a_form_that_is_too_large_is_said_so_with_413(owner: User, topic: Topic, checked: bool) -> None:
    # The form is read where its token is looked for, before any view; else in the view: the same is said.
    client = Client(enforce_csrf_checks=checked)
    client.force_login(owner)
    client.get(PATH)
    answer = client.post(PATH, {"text": "x" * 6_000_001, "topic": topic.pk})
    assert answer.status_code == 413
    assert "too much at once" in read(answer.content).one("h1").text
    assert complaints(read(answer.content)) == []


def test_of_ten_thousand_lines_it_says_in_figures_what_would_be_read(
    client: Client, engine_tables: None, topic: Topic
) -> None:
    good = [f"https://news{number % 50}.example/story/{number}" for number in range(9_812)]
    bad = [f"news.example/{number}" for number in range(68)]
    page = send(client, text="\n".join([*good, *bad, *good[:120]]), topic=topic.pk)[1]
    assert "9,812 addresses to read, 120 repeated, 68 lines cannot be used." in page.one("section", id="check").text
    assert page.one("button", value="start").text == "Start without them: read 9,812"
    run = started(client, fields_of(page))
    assert keys_of(run) == good


def test_keywords_are_enough(client: Client, engine_tables: None) -> None:
    page = send(client, text="https://news.example/1", keywords="heat pump\n-sponsored")[1]
    run = started(client, fields_of(page))
    assert (run.topic, run.kwargs["keywords"]) == ("heat pump", ["heat pump", "-sponsored"])


def test_of_very_many_bad_lines_some_are_listed_and_the_rest_comes_next(client: Client, topic: Topic) -> None:
    page = send(client, text="nonsense\n" * 250, topic=topic.pk)[1]
    assert "250 lines cannot be used" in page.text
    assert len(page.one("ol", id="mend").all("li")) == SHOWN
    emptied = {name: "" if name.startswith("line-") else value for name, value in fields_of(page).items()}
    page = send(client, **emptied)[1]
    assert "150 lines cannot be used" in page.text
    assert page.one("ol", id="mend").all("label")[0].text == "Line 101"


def test_somebody_elses_topic_cannot_be_chosen(client_of: ClientOf, stranger: User, topic: Topic) -> None:
    status, page = send(client_of(stranger), text="https://a.example/", topic=topic.pk)
    assert status == 422
    assert "Energy" not in page.text


def test_when_too_much_waits_the_addresses_stay(client: Client, owner: User, topic: Topic) -> None:
    fields = fields_of(send(client, text=TEXT, topic=topic.pk)[1])
    TaskRun.objects.bulk_create(TaskRun(id=uuid4(), task="x", name="x", owner=owner) for _ in range(50))
    status, page = send(client, **fields, do="start")
    assert status == 429
    assert "Many of your runs are waiting" in page.text
    assert "https://news.example/3" in fields_of(page)["text"]


def test_the_page_is_found_under_its_name() -> None:
    assert reverse("bulk-analyze") == PATH

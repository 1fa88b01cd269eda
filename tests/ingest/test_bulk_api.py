"""POST /api/background-tasks/bulk-analysis, as JSON and as a file: what is taken, what is refused, and why."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from ingest.addresses import MAX_URLS, SHOWN
from tasks import ledger
from tasks.models import TaskItem, TaskRun

type ClientOf = Callable[[User], Client]

pytestmark = pytest.mark.django_db
BULK = "/api/background-tasks/bulk-analysis"


def post(client: Client, body: Any, path: str = BULK) -> Any:
    return client.post(path, body, content_type="application/json")


def keys_of(run: TaskRun) -> list[str]:
    return list(run.items.order_by("pk").values_list("key", flat=True))


def test_a_list_is_accepted_and_is_the_runs_items(engine_tables: None, client_of: ClientOf, owner: User) -> None:
    urls = ["https://news.example/1", " https://news.example/2 ", "https://news.example/1?utm_source=x#top"]
    answer = post(client_of(owner), {"urls": urls, "topic": "Heat", "save": True})
    assert answer.status_code == 202
    run = TaskRun.objects.get()
    assert answer.json() == {
        "success": True, "task_id": str(run.pk), "message": "Started the analysis of 2 addresses.",
        "total": 2, "repeated": 1, "invalid": 0, "invalid_lines": [],
    }  # fmt: skip
    assert keys_of(run) == ["https://news.example/1", "https://news.example/2"]
    assert "urls" not in run.kwargs
    assert (run.topic, run.kwargs["save"]) == ("Heat", True)


def test_the_most_that_one_run_reads_weighs_nothing_on_its_row(
    engine_tables: None, client_of: ClientOf, owner: User
) -> None:
    client = client_of(owner)
    urls = [f"https://news{number % 50}.example/story/{number}" for number in range(MAX_URLS)]
    answer = post(client, {"urls": urls, "topic": "Heat"})
    assert (answer.status_code, answer.json()["total"]) == (202, MAX_URLS)
    run = TaskRun.objects.get()
    assert ledger.all_counts_of(run.pk) == {"waiting": MAX_URLS, "done": 0, "failed": 0}
    assert len(json.dumps([run.kwargs, run.metadata, run.search])) < 1_000
    page = client.get(run.get_absolute_url())
    assert len(page.content) < 100_000
    assert "Waiting 10,000" in " ".join(page.content.decode().replace('<span class="filter-count number">', "").split())
    one_more = post(client, {"urls": [*urls, "https://news.example/"], "topic": "Heat"})
    assert one_more.status_code == 422
    assert "10,001 addresses; one run reads 10,000 at most" in one_more.json()["error"]["message"]


def test_every_bad_address_is_listed_up_to_a_bound_and_counted(client_of: ClientOf, owner: User) -> None:
    urls = ["https://a.example/", *("nonsense" for _ in range(150)), "http://127.0.0.1/", "http://me@a.example/"]
    error = post(client_of(owner), {"urls": urls, "topic": "x"}).json()["error"]
    assert len(error["details"]) == SHOWN
    assert error["details"][0] == {
        "field": "urls.1", "line": 2, "text": "nonsense",
        "message": "It does not begin with http:// or https://.", "reason": "It does not begin with http:// or https://.",
    }  # fmt: skip
    assert "152 lines cannot be used" in error["message"]
    assert not TaskRun.objects.exists()


def test_what_is_bad_can_be_left_out(engine_tables: None, client_of: ClientOf, owner: User) -> None:
    body = {"urls": ["nonsense", "https://a.example/1"], "topic": "x", "skip_invalid": True}
    answer = post(client_of(owner), body).json()
    assert (answer["total"], answer["invalid"], answer["invalid_lines"][0]["line"]) == (1, 1, 1)
    assert keys_of(TaskRun.objects.get()) == ["https://a.example/1"]


def test_a_dry_run_starts_nothing_and_says_what_would_be(client_of: ClientOf, owner: User) -> None:
    body = {"urls": ["nonsense", "https://a.example/1", "http://a.example/1/"], "topic": "x", "dry_run": True}
    answer = post(client_of(owner), body)
    assert answer.status_code == 200
    assert answer.json()["task_id"] is None
    assert answer.json()["message"] == "1 address to read, 1 repeated, 1 line cannot be used. Nothing was started."
    assert not TaskRun.objects.exists()


def test_keywords_stand_in_for_a_topic(engine_tables: None, client_of: ClientOf, owner: User) -> None:
    body = {"urls": ["https://a.example/"], "keywords": ["heat pump", "-sponsored"]}
    assert post(client_of(owner), body).status_code == 202
    run = TaskRun.objects.get()
    assert (run.topic, run.kwargs["keywords"]) == ("heat pump", ["heat pump", "-sponsored"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"urls": [], "topic": "x"}, "urls"),
        ({"urls": ["https://a.example/", "nonsense"], "topic": "x"}, "urls.1"),
        ({"urls": ["http://user@a.example/"], "topic": "x"}, "urls.0"),
        ({"urls": ["# nothing"], "topic": "x"}, "urls"),
        ({"urls": ["https://a.example/"], "topic": ""}, "topic"),
        ({"urls": ["https://a.example/"], "topic": "  "}, "topic"),
        ({"urls": ["https://a.example/"]}, "topic"),
        ({"urls": ["https://a.example/"], "topic": "x", "relevance_threshold": 2}, "relevance_threshold"),
        ({"urls": ["https://a.example/"], "keywords": ["-out"]}, "keywords"),
        ({"urls": ["https://a.example/"], "keywords": ["?!"]}, "keywords"),
        ({"urls": ["https://a.example/"], "keywords": ["heat"], "save": True}, "save"),
    ],
)
def test_it_says_which_field_is_wrong(client_of: ClientOf, owner: User, body: dict[str, Any], field: str) -> None:
    answer = post(client_of(owner), body)
    assert answer.status_code == 422
    assert field in [detail["field"] for detail in answer.json()["error"]["details"]]


def test_a_file_is_taken_as_a_form(engine_tables: None, client_of: ClientOf, owner: User) -> None:
    file = SimpleUploadedFile(
        "list.csv", "Titel;URL\r\n„A“;https://a.example/1\r\nB;https://a.example/2\r\n".encode("utf-16")
    )
    answer = client_of(owner).post(f"{BULK}/file", {"file": file, "topic": "Heat", "save": "true"})
    assert answer.status_code == 202, answer.content
    assert keys_of(TaskRun.objects.get()) == ["https://a.example/1", "https://a.example/2"]


def test_a_files_bad_lines_have_the_numbers_an_editor_shows(client_of: ClientOf, owner: User) -> None:
    file = SimpleUploadedFile("list.txt", b"https://a.example/\n\n# ours\nnonsense\n")
    answer = client_of(owner).post(f"{BULK}/file", {"file": file, "topic": "Heat"})
    assert [detail["line"] for detail in answer.json()["error"]["details"]] == [4]


def test_what_is_too_large_is_turned_away_with_413(client_of: ClientOf, owner: User) -> None:
    client = client_of(owner)
    file = client.post(f"{BULK}/file", {"file": SimpleUploadedFile("x.txt", b"#" * 5_000_001), "topic": "x"})
    assert file.status_code == 413
    assert "5 MB at most" in file.json()["error"]["message"]
    body = client.post(BULK, b" " * 6_000_001, content_type="application/json")
    assert body.status_code == 413
    assert body.json()["error"]["code"] == "too_large"


def test_too_many_waiting_runs_turn_it_away_for_a_while(client_of: ClientOf, owner: User) -> None:
    TaskRun.objects.bulk_create(TaskRun(id=uuid4(), task="x", name="x", owner=owner) for _ in range(50))
    answer = post(client_of(owner), {"urls": ["https://a.example/"], "topic": "x"})
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "30"
    assert not TaskItem.objects.exists()

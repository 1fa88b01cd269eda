"""Error pages: a person reads what to do next, a program its JSON."""

import pytest
from django.template.loader import render_to_string
from django.test import Client

from statusproj.too_many import in_words
from tests.pages.reading import complaints, read

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
FULL = "/api/fail/full"


@pytest.mark.urls("tests.live.error_urls")
def test_too_much_is_a_page_for_a_person_and_json_for_a_program() -> None:
    shown = Client().get(FULL, headers={"Accept": BROWSER})
    document = read(shown.content)
    assert (shown.status_code, shown["Retry-After"]) == (429, "7")
    assert complaints(document) == []
    assert "The queue is full. Try again in 7 seconds." in document.one(class_="lead").text
    for accept in ("", "*/*", "application/json"):
        told = Client().get(FULL, headers={"Accept": accept} if accept else {})
        assert (told.status_code, told["Retry-After"]) == (429, "7")
        assert told.json()["error"]["code"] == "queue_full"
        assert "Accept" in told["Vary"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (30, "30 seconds"), (120, "2 minutes"), (121, "3 minutes"), (7200, "2 hours")],
)
def test_how_long_to_wait_is_said_in_words(seconds: int, words: str) -> None:
    assert in_words(seconds) == words


@pytest.mark.parametrize("code", ["400", "403", "403_csrf", "404", "413", "429", "500"])
def test_an_error_page_needs_no_database_no_request_and_no_script(code: str) -> None:
    # No fixture of a database: a query would fail the test.
    document = read(render_to_string(f"{code}.html"))
    assert complaints(document) == []
    assert not document.all("script")
    assert document.one("h1").text and document.one(class_="lead").text
    assert document.one("a", class_="button-primary").attrs["href"] == "/"

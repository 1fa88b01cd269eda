"""What rules would do before they are saved."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ingest.decisions import Decision
from ingest.judging import preview as module
from ingest.judging.preview import PreviewFailed, preview
from ingest.models import Article, Topic
from ingest.reading.relevance import Rules, Term
from tests.ingest.stored import store_article

type ClientOf = Callable[[User], Client]

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api/auto-ingest/preview"


@pytest.fixture
def stored(topic: Topic) -> dict[str, Article]:
    """Five stored articles, decided by the topic's rules."""
    return {
        "pump": store_article(topic, "Heat pumps for all", "approved"),
        "copy": store_article(topic, "Heat pumps for all, too", "duplicate"),
        "solar": store_article(topic, "A solar roof", "approved"),
        "wind": store_article(topic, "Wind farms at sea", "filtered_relevance"),
        "thin": store_article(topic, "Heat pumps, in short", "rejected_quality", quality=0.2),
    }


def titles(changes: object) -> list[str]:
    return [change.title for change in changes]  # type: ignore[attr-defined]


def test_it_says_what_would_match_come_in_and_go_with_reasons_and_writes_nothing(
    topic: Topic, stored: dict[str, Article]
) -> None:
    Article.objects.filter(pk=stored["copy"].pk).update(duplicate_of=stored["pump"])
    before = list(Article.objects.order_by("pk").values())
    rules = Rules(include=("heat pump", Term(phrase="wind", field="title")), quality_threshold=0.5)
    found = preview(topic, rules)
    assert (found.asked, found.looked_at, found.is_complete) == (5, 5, True)
    assert (found.matches, found.duplicates, found.coming_in, found.going) == (2, 1, 1, 1)
    assert titles(found.comes_in) == ["Wind farms at sea"]
    assert titles(found.goes) == ["A solar roof"]
    assert found.comes_in[0].reason == "1 × wind in the title"
    assert (found.goes[0].reason, found.goes[0].after) == ("none of the keywords", Decision.FILTERED_RELEVANCE)
    assert list(Article.objects.order_by("pk").values()) == before


def test_a_copy_comes_in_when_its_original_goes(topic: Topic, stored: dict[str, Article]) -> None:
    Article.objects.filter(pk=stored["copy"].pk).update(duplicate_of=stored["pump"])
    found = preview(topic, Rules(include=(Term(phrase="too", field="title"),)))
    assert titles(found.comes_in) == ["Heat pumps for all, too"]


def test_a_lower_quality_threshold_lets_more_in(topic: Topic, stored: dict[str, Article]) -> None:
    found = preview(topic, Rules(include=("heat pump", "solar roof"), quality_threshold=0.1))
    assert titles(found.comes_in) == ["Heat pumps, in short"]


def test_the_newest_are_looked_at_and_those_without_text_left_out(
    topic: Topic, stored: dict[str, Article], monkeypatch: pytest.MonkeyPatch
) -> None:
    store_article(topic, "Nothing to read", "failed", text="")
    store_article(topic, "Not read yet", "pending", text="")
    store_article(topic, "By a person", "approved", reasons={"person": {"by": "owner"}})
    assert preview(topic, Rules(include=("a",))).asked == 5
    monkeypatch.setattr(module, "LOOKED_AT", 2)
    assert [one.pk for one in module.newest(topic, 3)] == [stored["thin"].pk, stored["wind"].pk]
    assert preview(topic, Rules(include=("a",))).looked_at == 1


def test_when_time_runs_out_it_says_how_far_it_came(
    topic: Topic, stored: dict[str, Article], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", -1.0)
    found = preview(topic, Rules(include=("heat pump",)))
    assert (found.asked, found.looked_at, found.is_complete, found.left) == (5, 0, False, 5)


def test_a_child_that_hangs_is_killed_and_said_so(
    client_of: ClientOf, owner: User, topic: Topic, stored: dict[str, Article], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.ingest.hanging import hang

    monkeypatch.setattr("ingest.children.SECONDS", 0.3)
    monkeypatch.setattr(module, "rejudge", hang)
    with pytest.raises(PreviewFailed, match="too much computing time"):
        preview(topic, Rules(include=("x",)))
    client = client_of(owner)
    answer = client.post(API, {"topic_id": topic.pk}, content_type="application/json")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    page = client.post(reverse("topic-rules", args=[topic.pk]), TYPED | {"action": "preview"})
    assert "could not be tried" in page.content.decode()


def test_the_cost_in_queries_is_the_same_for_any_number_of_articles(topic: Topic, stored: dict[str, Article]) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            preview(topic, Rules(include=("heat pump",)))
        return len(found)

    before = queries()
    for number in range(5):
        store_article(topic, f"No {number}", "approved")
    assert queries() == before <= 6


TYPED = {"include": "title: wind", "exclude": "", "language": "", "relevance_threshold": "0.4",
         "quality_threshold": "0.5"}  # fmt: skip


def test_the_page_shows_it_without_javascript_and_keeps_what_was_typed(
    client_of: ClientOf, owner: User, topic: Topic, stored: dict[str, Article]
) -> None:
    keywords = list(topic.keywords.values())
    page = reverse("topic-rules", args=[topic.pk])
    response = client_of(owner).post(page, TYPED | {"action": "preview"})
    shown = response.content.decode()
    assert response.status_code == 200
    assert "Wind farms at sea" in shown and "A solar roof" in shown
    assert "\ntitle: wind</textarea>" in shown
    assert "1 would come in, 2 would go" in " ".join(shown.split())
    assert list(topic.keywords.values()) == keywords


def test_while_one_types_the_preview_alone_is_fetched(
    client_of: ClientOf, owner: User, topic: Topic, stored: dict[str, Article]
) -> None:
    address = reverse("rules-preview", args=[topic.pk])
    shown = client_of(owner).post(address, TYPED).content.decode()
    assert shown.lstrip().startswith("<section") and "Wind farms at sea" in shown
    wrong = client_of(owner).post(address, TYPED | {"include": "..."})
    assert wrong.status_code == 200, "htmx shows nothing of an error"
    assert "letters or digits" in wrong.content.decode()


def test_the_api_tries_what_it_is_given_over_what_is_stored(
    client_of: ClientOf, owner: User, topic: Topic, stored: dict[str, Article]
) -> None:
    def ask(**rules: Any) -> Any:
        return client_of(owner).post(API, {"topic_id": topic.pk, **rules}, content_type="application/json").json()

    assert ask()["coming_in"] == ask()["going"] == 0
    found = ask(keywords=[{"phrase": "wind", "field": "title"}])
    assert [one["title"] for one in found["comes_in"]] == ["Wind farms at sea"]
    assert (found["matches"], found["going"], found["complete"]) == (1, 2, True)
    assert found["goes"][0]["before"] == "approved"
    assert ask(relevance_threshold=1.0)["matches"] == 0
    assert ask(keywords=[{"phrase": "x"}], include=["y"])["error"]["code"] == "invalid"


def test_strangers_try_nothing(client_of: ClientOf, stranger: User, topic: Topic) -> None:
    client = client_of(stranger)
    assert client.post(API, {"topic_id": topic.pk}, content_type="application/json").status_code == 404
    assert client.post(reverse("rules-preview", args=[topic.pk]), TYPED).status_code == 404

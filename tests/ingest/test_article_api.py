"""Articles over HTTP: the same filters, pages and actions as on the pages."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from ingest.models import Article, Topic
from tasks.models import TaskRun
from tests.ingest.articles import make_article

type ClientOf = Callable[[User], Client]

pytestmark = pytest.mark.django_db
ARTICLES = "/api/auto-ingest/articles"
JSON = "application/json"


def test_pages_of_articles_end_and_are_whole(client_of: ClientOf, owner: User, topic: Topic) -> None:
    made = [make_article(topic, relevance=number / 10).pk for number in range(7)]
    make_article(topic, "failed")
    client, cursor, found = client_of(owner), "", list[dict[str, Any]]()
    while cursor is not None:
        answer = client.get(ARTICLES, {"show": "added", "sort": "relevance", "limit": 3, "cursor": cursor}).json()
        found += answer["articles"]
        cursor = answer["next_cursor"]
    assert [one["id"] for one in found] == made[::-1]
    assert (found[0]["read"], found[0]["new"], found[0]["starred"], found[0]["decision"]) == (
        False, True, False, "approved"
    )  # fmt: skip


@pytest.mark.parametrize(
    "query",
    ["show=x", "sort=up", "q=%00", "topic=x", "since=x", "cursor=x", "limit=0", "limit=101", "language=english"],
)
def test_what_cannot_be_used_is_a_422(client_of: ClientOf, owner: User, topic: Topic, query: str) -> None:
    answer = client_of(owner).get(f"{ARTICLES}?{query}")
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]


def test_one_article_is_marked(client_of: ClientOf, owner: User, stranger: User, topic: Topic) -> None:
    article = make_article(topic)
    path = f"{ARTICLES}/{article.pk}"
    answer = client_of(owner).patch(path, {"read": True, "starred": True}, content_type=JSON).json()
    assert (answer["article"]["read"], answer["article"]["starred"]) == (True, True)
    assert client_of(owner).patch(path, {"read": False}, content_type=JSON).json()["article"]["starred"] is True
    assert client_of(stranger).patch(path, {"read": True}, content_type=JSON).status_code == 404


def test_many_are_marked_by_id_or_by_filter(client_of: ClientOf, owner: User, stranger: User, topic: Topic) -> None:
    ids = [make_article(topic).pk for _ in range(4)]
    client = client_of(owner)

    def bulk(**sent: Any) -> Any:
        return client.post(f"{ARTICLES}/bulk", sent, content_type=JSON)

    assert bulk(action="read", ids=ids[:1]).json()["count"] == 1
    refused = bulk(action="read", filter={"only": "unread"}, expected=2)
    assert refused.status_code == 409
    assert refused.json()["error"]["details"] == {"expected": 2, "actual": 3}
    assert bulk(action="read", filter={"only": "unread", "topic": str(topic.pk)}, expected=3).json()["count"] == 3
    for wrong in (
        {"action": "burn", "ids": ids}, {"action": "read"}, {"action": "read", "ids": ids, "filter": {}},
        {"action": "read", "filter": {}}, {"action": "read", "filter": {"quack": "1"}, "expected": 9},
    ):  # fmt: skip
        assert bulk(**wrong).status_code == 422, wrong
    theirs = client_of(stranger).post(f"{ARTICLES}/bulk", {"action": "reject", "ids": ids}, content_type=JSON)
    assert theirs.json()["count"] == 0
    assert Article.objects.approved().count() == 4


def test_reading_again_starts_the_collection(
    engine_tables: None, client_of: ClientOf, owner: User, topic: Topic
) -> None:
    article = make_article(topic, "failed")
    sent = {"action": "reread", "ids": [article.pk]}
    answer = client_of(owner).post(f"{ARTICLES}/bulk", sent, content_type=JSON).json()
    assert answer["message"] == "1 article will be fetched again."
    assert TaskRun.objects.get().topic == str(topic.pk)

"""/api/auto-ingest and bulk analysis over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from ingest.models import Article, Topic
from tasks.models import TaskRun

type ClientOf = Callable[[User], Client]

pytestmark = pytest.mark.django_db
RUN = "/api/auto-ingest/run"
CONFIG = "/api/auto-ingest/config"


def post(client: Client, path: str, data: Any) -> Any:
    return client.post(path, data, content_type="application/json")


def test_a_run_is_accepted_with_the_seeds_answer(
    engine_tables: None, client_of: ClientOf, owner: User, topic: Topic, article: Article
) -> None:
    answer = post(client_of(owner), RUN, {"topic_id": topic.pk, "limit": 5})
    assert answer.status_code == 202
    run = TaskRun.objects.get()
    assert answer.json() == {
        "success": True, "task_id": str(run.pk), "message": "Started collecting “Energy”.", "total_articles": 1
    }  # fmt: skip
    assert (run.owner, run.topic, run.name) == (owner, str(topic.pk), "Auto-Collect: Energy")
    assert run.kwargs == {"topic_id": topic.pk, "limit": 5, "dry_run": False}
    assert (run.max_attempts, run.timeout.total_seconds()) == (3, 1800)


def test_a_topic_is_collected_once_at_a_time(
    engine_tables: None, client_of: ClientOf, owner: User, topic: Topic
) -> None:
    client = client_of(owner)
    first = post(client, RUN, {"topic_id": topic.pk}).json()["task_id"]
    again = post(client, RUN, {"topic_id": topic.pk})
    assert again.status_code == 409
    error = again.json()["error"]
    assert (error["code"], error["details"]) == ("already_running", {"task_id": first})
    assert TaskRun.objects.count() == 1


def test_without_a_topic_everything_of_the_asker_is_collected(
    engine_tables: None, client_of: ClientOf, owner: User, topic: Topic
) -> None:
    assert post(client_of(owner), RUN, {}).status_code == 202
    run = TaskRun.objects.get()
    assert run.kwargs["topic_id"] is None
    assert post(client_of(owner), RUN, {}).status_code == 409


def test_without_any_topic_there_is_nothing_to_run(client_of: ClientOf, owner: User) -> None:
    assert post(client_of(owner), RUN, {}).status_code == 422


@pytest.mark.parametrize(
    "body",
    [{"topic_id": "x"}, {"topic_id": 0}, {"topic_id": 2**70}, {"limit": 0}, {"limit": 10**9}, {"dry_run": "?"}, ["x"]],
)  # fmt: skip
def test_fields_that_make_no_sense_are_named(client_of: ClientOf, owner: User, topic: Topic, body: Any) -> None:
    answer = post(client_of(owner), RUN, body)
    assert answer.status_code == 422
    assert answer.json()["success"] is False


def test_broken_json_is_a_bad_request(client_of: ClientOf, owner: User) -> None:
    assert client_of(owner).post(RUN, "{", content_type="application/json").status_code == 400


@pytest.mark.parametrize("path", ["/api/auto-ingest/status", "/api/auto-ingest/pending", CONFIG])
def test_strangers_see_nothing_and_nobody_without_session_sees_anything(
    client_of: ClientOf, stranger: User, topic: Topic, article: Article, path: str
) -> None:
    answer = client_of(stranger).get(path).json()
    assert "Energy" not in str(answer)
    assert "news.example" not in str(answer)
    assert Client().get(path).status_code == 401


def test_a_strangers_topic_does_not_exist(client_of: ClientOf, stranger: User, topic: Topic) -> None:
    client = client_of(stranger)
    for answer in (
        post(client, RUN, {"topic_id": topic.pk}),
        client.patch(CONFIG, {"topic_id": topic.pk}, content_type="application/json"),
        client.get(f"/api/auto-ingest/pending?topic_id={topic.pk}"),
    ):
        assert answer.status_code == 404
    missing = post(client, RUN, {"topic_id": topic.pk + 1000})
    assert missing.json() == post(client, RUN, {"topic_id": topic.pk}).json()


def test_staff_may_look_and_with_permission_also_change(client_of: ClientOf, staff: User, topic: Topic) -> None:
    assert client_of(staff).get(CONFIG).json()["topics"][0]["name"] == "Energy"
    change = {"topic_id": topic.pk, "language": "de"}
    assert client_of(staff).patch(CONFIG, change, content_type="application/json").status_code == 200
    staff.user_permissions.remove(Permission.objects.get(codename="change_topic"))
    staff = User.objects.get(pk=staff.pk)
    assert client_of(staff).patch(CONFIG, change, content_type="application/json").status_code == 403
    assert post(client_of(staff), RUN, {"topic_id": topic.pk}).status_code == 403


def test_status_says_what_runs_and_what_waits(
    engine_tables: None, client_of: ClientOf, owner: User, topic: Topic, article: Article
) -> None:
    client = client_of(owner)
    before = client.get("/api/auto-ingest/status").json()
    assert before["running"] == 0
    task_id = post(client, RUN, {"topic_id": topic.pk}).json()["task_id"]
    after = client.get("/api/auto-ingest/status").json()
    assert after["topics"] == [
        {
            "topic_id": topic.pk, "name": "Energy", "running": True, "task_id": task_id, "task_status": "pending",
            "articles": {"total": 1, "added": 0, "new": 0, "unread": 0, "starred": 0, "pending": 1},
            "sources": {"total": 0, "failing": 0},
        }
    ]  # fmt: skip


def test_pending_lists_what_waits_oldest_first(client_of: ClientOf, owner: User, topic: Topic) -> None:
    for number in range(3):
        url = f"https://news.example/{number}"
        Article.objects.create(topic=topic, url=url, canonical_url=url, title=f"No {number}")
    answer = client_of(owner).get("/api/auto-ingest/pending?limit=2").json()
    assert answer["count"] == 3
    assert [article["title"] for article in answer["articles"]] == ["No 0", "No 1"]
    assert answer["articles"][0]["found_at"].endswith("Z")


def test_config_changes_what_is_named_and_leaves_the_rest(client_of: ClientOf, owner: User, topic: Topic) -> None:
    change = {"topic_id": topic.pk, "relevance_threshold": 0.7, "exclude": ["advert", "  -promo "]}
    answer = client_of(owner).patch(CONFIG, change, content_type="application/json")
    assert answer.status_code == 200
    config = answer.json()["topic"]
    assert (config["relevance_threshold"], config["quality_threshold"]) == (0.7, 0.5)
    assert sorted(config["exclude"]) == ["advert", "promo"]
    assert "heat pump" in config["include"]


@pytest.mark.parametrize(
    "change",
    [
        {"relevance_threshold": 1.5},
        {"quality_threshold": -0.1},
        {"language": "english"},
        {"include": ["a"], "exclude": ["a"]},
        {"include": "a"},
    ],
)
def test_a_config_that_makes_no_sense_changes_nothing(
    client_of: ClientOf, owner: User, topic: Topic, change: dict[str, Any]
) -> None:
    before = client_of(owner).get(CONFIG).json()
    answer = client_of(owner).patch(CONFIG, {"topic_id": topic.pk, **change}, content_type="application/json")
    assert answer.status_code == 422
    assert client_of(owner).get(CONFIG).json() == before


def test_writes_need_the_csrf_token(owner: User, topic: Topic) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert post(client, RUN, {"topic_id": topic.pk}).status_code == 403
    assert not TaskRun.objects.exists()

"""What a person sets about a topic besides its rules, and topics made and deleted over the API."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from ingest.jobs import start_collecting
from ingest.models import Topic
from ingest.topic_settings import BadSetting, change_settings, every_words
from tasks.models import TaskRun

type ClientOf = Callable[[User], Client]

TOPICS, CONFIG = "/api/auto-ingest/topics", "/api/auto-ingest/config"


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (None, "only when somebody asks"), (5, "every 5 minutes"), (60, "every hour"), (90, "every 90 minutes"),
        (120, "every 2 hours"), (1440, "every day"), (2880, "every 2 days"), (10_080, "every week"),
    ],
)  # fmt: skip
def test_a_rhythm_in_words(minutes: int | None, words: str) -> None:
    assert every_words(minutes) == words


@pytest.mark.django_db
def test_a_new_rhythm_counts_at_once_but_not_for_sources_with_one_of_their_own(topic: Topic) -> None:
    later = timezone.now()
    own = topic.sources.create(url="https://a.example/", every=60, due_at=later)
    other = topic.sources.create(url="https://b.example/", due_at=later)
    change_settings(topic, collect_every=120)
    own.refresh_from_db()
    other.refresh_from_db()
    assert (own.due_at, other.due_at) == (later, None)
    other.due_at = later
    other.save()
    change_settings(topic, collect_every=120, tell="each")
    other.refresh_from_db()
    assert other.due_at == later


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wanted", "field"), [({"collect_every": 4}, "collect_every"), ({"name": " "}, "name"), ({"name": "Rail"}, "name")]
)
def test_what_cannot_be_set_is_refused_and_changes_nothing(topic: Topic, wanted: dict[str, Any], field: str) -> None:
    Topic.objects.create(owner=topic.owner, name="Rail")
    with pytest.raises(BadSetting) as refused:
        change_settings(topic, **{"tell": "never", **wanted})
    assert refused.value.field == field
    topic.refresh_from_db()
    assert topic.tell == "added"


@pytest.mark.django_db
def test_a_topic_is_made_with_its_rules_and_deleted_with_its_run(
    engine_tables: None, client_of: ClientOf, owner: User
) -> None:
    client = client_of(owner)
    body = {
        "name": " Wind ", "collect_every": 60, "tell": "each", "language": "de", "quality_threshold": 0.2,
        "keywords": [{"phrase": "wind farm"}, {"phrase": "Jane", "field": "author", "kind": "exclude"}],
    }  # fmt: skip
    answer = client.post(TOPICS, body, content_type="application/json")
    assert answer.status_code == 201, answer.content
    made = answer.json()["topic"]
    assert (made["name"], made["include"], made["exclude"]) == ("Wind", ["wind farm"], ["author: Jane"])
    assert (made["collect_every"], made["tell"], made["language"]) == (60, "each", "de")
    assert made["keywords"][1] == {"phrase": "Jane", "kind": "exclude", "field": "author"}
    topic = Topic.objects.get(owner=owner)
    assert client.post(TOPICS, {"name": "Wind"}, content_type="application/json").status_code == 422
    start_collecting(owner, topic)
    assert client.delete(f"{TOPICS}/{topic.pk}").json() == {"success": True, "deleted_articles": 0}
    assert TaskRun.objects.get().status == "cancelled"
    assert client.delete(f"{TOPICS}/{topic.pk}").status_code == 404


@pytest.mark.django_db
def test_a_topic_that_makes_no_sense_is_not_made(client_of: ClientOf, owner: User) -> None:
    client = client_of(owner)
    for wrong in (
        {}, {"name": ""}, {"name": "x", "collect_every": 3}, {"name": "x", "tell": "all"},
        {"name": "x", "keywords": [{"phrase": "..."}]}, {"name": "x", "keywords": [{"phrase": "a", "field": "url"}]},
        {"name": "x", "include": ["a"], "exclude": ["A"]}, {"name": "\u0000"},
    ):  # fmt: skip
        answer = client.post(TOPICS, wrong, content_type="application/json")
        assert answer.status_code == 422, wrong
    assert not Topic.objects.exists()


@pytest.mark.django_db
def test_the_config_says_and_changes_settings_and_keywords_with_their_fields(
    client_of: ClientOf, owner: User, stranger: User, topic: Topic
) -> None:
    def change(user: User, **body: Any) -> Any:
        return client_of(user).patch(CONFIG, {"topic_id": topic.pk, **body}, content_type="application/json")

    said = change(owner, name="Power", collect_every=720, include=["title: tariff", '"heat pumps"']).json()["topic"]
    assert (said["name"], said["collect_every"], said["include"]) == ("Power", 720, ['"heat pumps"', "title: tariff"])
    assert said["exclude"] == ["sponsored"]
    assert change(owner, collect_every=0).json()["topic"]["collect_every"] is None
    assert change(owner, collect_every=3).status_code == 422
    assert change(owner, keywords=[]).json()["topic"]["include"] == []
    assert change(stranger, name="Mine").status_code == 404
    assert client_of(stranger).delete(f"{TOPICS}/{topic.pk}").status_code == 404

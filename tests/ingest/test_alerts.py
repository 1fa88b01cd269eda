"""Alerts: told at once, once, and not in a storm."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ingest import store
from ingest.analyzers import Analysis
from ingest.collecting.verdicts import judge
from ingest.demo_site import DemoSite
from ingest.jobs import start_collecting
from ingest.models import Alert, AlertRule, Article, Topic
from ingest.reading.pages import Reading, Scores
from ingest.reading.relevance import Relevance
from ingest.rules import rules_of
from ingest.store import Candidate, Decided
from ingest.telling import alerts
from notifications.models import Notification
from tasks.models import TaskRun
from tests.cutting import cut_once_when_writing
from tests.ingest.stored import TEXT, store_article
from tests.ingest.test_stages import assess
from tests.racing import race
from tests.waiting import eventually
from tests.workers import WorkerThread

type ClientOf = Callable[[User], Client]

pytestmark = pytest.mark.django_db(transaction=True)


def decided(topic: Topic, title: str, relevance: float = 0.9) -> Decided:
    """A new article of `topic`, judged and not yet saved."""
    article = store_article(topic, title, "pending", text="", relevance=None, quality=None)
    reading = Reading(
        title=title, author="", site="", published_at=None, text=f"{title}. {TEXT}", language="en", summary="",
        sentiment=None, simhash=None, address=article.url, declared_url="", link_lines=frozenset(),
    )  # fmt: skip
    scores = Scores(relevance=Relevance(score=relevance, matches=(), reason="2 × heat pump"), quality=assess(TEXT * 4))
    analysis = Analysis(reading=reading, scores=scores)
    candidate = Candidate(id=article.pk, url=article.url, title=title)
    return Decided(candidate=candidate, verdict=judge(analysis, rules_of(topic), None), analysis=analysis)


def told() -> list[tuple[str, str]]:
    return list(Notification.objects.filter(type="keyword_alert").order_by("id").values_list("title", "message"))


def test_an_added_article_that_meets_a_rule_is_told_at_once_with_a_link_to_it(topic: Topic, owner: User) -> None:
    topic.alert_rules.create(minimum_relevance=0.8)
    one = decided(topic, "Heat pumps for all")
    assert store.save_decisions([one, decided(topic, "Not so much", 0.7)], uuid4()) == 2
    notification = Notification.objects.get()
    assert (notification.username, notification.title) == ("owner", "Energy: Heat pumps for all")
    assert notification.message == "Relevance 0.90: 2 × heat pump."
    assert notification.link == f"/keyword-alerts/articles/{one.candidate.id}/"


@pytest.mark.parametrize(
    ("phrase", "is_told"), [("", True), ("heat pump", True), ('"heat pump"', False), ("tariff", False)]
)
def test_a_rule_with_a_phrase_wants_it_said(topic: Topic, phrase: str, is_told: bool) -> None:
    topic.alert_rules.create(minimum_relevance=0.5, phrase=phrase)
    store.save_decisions([decided(topic, "Heat pumps for all")], uuid4())
    assert bool(told()) is is_told


def test_what_is_not_added_and_what_no_rule_asks_for_is_not_told(topic: Topic, stranger: User) -> None:
    other = Topic.objects.create(owner=stranger, name="Other")
    other.alert_rules.create(minimum_relevance=0.0)
    store.save_decisions([decided(topic, "No rule here")], uuid4())
    topic.alert_rules.create(minimum_relevance=0.0)
    store.save_decisions([decided(topic, "Below the threshold", 0.1)], uuid4())
    assert told() == []


def test_an_article_is_told_once_whichever_rules_it_meets_and_however_often_it_is_decided(topic: Topic) -> None:
    topic.alert_rules.create(minimum_relevance=0.8)
    topic.alert_rules.create(minimum_relevance=0.5, phrase="heat pump")
    one = decided(topic, "Heat pumps")
    store.save_decisions([one], uuid4())
    store.save_decisions([one], uuid4())
    Article.objects.filter(pk=one.candidate.id).update(decision="pending", decided_at=None)
    assert store.save_decisions([one], uuid4()) == 1
    assert len(told()) == Alert.objects.count() == 1


def test_two_workers_that_save_one_article_at_once_tell_of_it_once(topic: Topic) -> None:
    topic.alert_rules.create(minimum_relevance=0.8)
    one = decided(topic, "Heat pumps")
    answers = race(*[lambda: store.save_decisions([one], uuid4())] * 4)
    assert sorted(answers) == [0, 0, 0, 1]  # type: ignore[type-var]
    assert len(told()) == 1


def test_a_decision_that_is_not_saved_is_not_told(topic: Topic, monkeypatch: pytest.MonkeyPatch) -> None:
    topic.alert_rules.create(minimum_relevance=0.8)
    one = decided(topic, "Heat pumps")

    def killed(*_args: object) -> None:
        original([one])
        raise KeyboardInterrupt

    original = alerts.tell
    monkeypatch.setattr(alerts, "tell", killed)
    with pytest.raises(KeyboardInterrupt):
        store.save_decisions([one], uuid4())
    assert (told(), Article.objects.get().decision) == ([], "pending")
    monkeypatch.undo()
    store.save_decisions([one], uuid4())
    assert len(told()) == 1


def test_trouble_with_an_alert_keeps_no_article_from_being_saved(
    topic: Topic, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    topic.alert_rules.create(minimum_relevance=0.8)

    def broken(**_fields: object) -> None:
        raise ValueError("no bell today")

    monkeypatch.setattr(alerts.facade, "create_notification", broken)
    assert store.save_decisions([decided(topic, "Heat pumps")], uuid4()) == 1
    assert "No alert for 1 articles" in caplog.text
    assert Article.objects.get().decision == "approved"


def test_a_connection_lost_while_an_alert_is_written_is_heard_by_whoever_saves(topic: Topic) -> None:
    topic.alert_rules.create(minimum_relevance=0.5)
    one = decided(topic, "Cut off")
    with cut_once_when_writing("ingest_alert"):
        with pytest.raises(OperationalError):
            store.save_decisions([one], uuid4())
        connection.close_if_unusable_or_obsolete()
        assert store.save_decisions([one], uuid4()) == 1
    assert [title for title, _ in told()] == ["Energy: Cut off"]


def test_many_at_once_become_one_with_a_count(topic: Topic) -> None:
    topic.alert_rules.create(minimum_relevance=0.8)
    store.save_decisions([decided(topic, f"One {n}") for n in range(3)], uuid4())
    assert len(told()) == 3
    store.save_decisions([decided(topic, f"Two {n}") for n in range(4)], uuid4())
    store.save_decisions([decided(topic, f"Three {n}") for n in range(20)], uuid4())
    assert len(told()) == 4, "one more, that counts"
    title, message = told()[-1]
    assert title == "Energy: 27 articles meet your alerts"
    assert "Three 19" in message
    assert Alert.objects.count() == 27


def test_after_a_storm_alerts_are_told_one_by_one_again(topic: Topic) -> None:
    topic.alert_rules.create(minimum_relevance=0.8)
    store.save_decisions([decided(topic, f"One {n}") for n in range(20)], uuid4())
    assert len(told()) == 1
    for alert in Alert.objects.all():
        Alert.objects.filter(pk=alert.pk).update(created_at=alert.created_at - timedelta(minutes=11))
    store.save_decisions([decided(topic, "Later")], uuid4())
    assert told()[-1][0] == "Energy: Later"


def test_without_rules_a_flush_costs_one_question_and_with_them_the_same_for_any_number(topic: Topic) -> None:
    def cost(number: int) -> int:
        batch = [decided(topic, f"{number}: {n}") for n in range(number)]
        with CaptureQueriesContext(connection) as found:
            store.save_decisions(batch, uuid4())
        return len(found) - number  # one UPDATE each

    assert cost(1) == cost(10)
    topic.alert_rules.create(minimum_relevance=0.8)
    cost(10)
    assert cost(10) == cost(20)


def test_a_collection_tells_of_what_it_adds_while_it_works(
    worker: WorkerThread, owner: User, topic: Topic, site: DemoSite
) -> None:
    topic.sources.create(url=site.feed_urls("energy")[1])
    topic.alert_rules.create(minimum_relevance=0.6)
    run_id = start_collecting(owner, topic, limit=20).id
    eventually(lambda: TaskRun.objects.final().filter(pk=run_id).first(), within=60)
    assert Alert.objects.count() == topic.articles.filter(decision="approved", relevance__gte=0.6).count() > 5
    assert 1 <= len(told()) <= 6


# -- made and removed --------------------------------------------------------------------------------------------------


def test_alert_rules_come_and_go_on_the_page_of_rules(
    client_of: ClientOf, owner: User, stranger: User, topic: Topic
) -> None:
    client, page = client_of(owner), reverse("topic-rules", args=[topic.pk])
    add = reverse("alert-rule-add", args=[topic.pk])
    assert client.post(add, {"minimum_relevance": "0.9", "phrase": " heat  pump "}).headers["Location"] == page
    rule = topic.alert_rules.get()
    assert (rule.minimum_relevance, rule.phrase) == (0.9, "heat pump")
    assert "relevance at least 0.9 and says “heat pump”" in client.get(page).content.decode()
    for wrong, said in (
        ({"minimum_relevance": "2"}, "less than or equal to 1"),
        ({"minimum_relevance": "0.9", "phrase": "..."}, "letters or digits"),
        ({"minimum_relevance": "0.9", "phrase": "heat pump"}, "already"),
    ):
        response = client.post(add, wrong)
        assert response.status_code == 422
        assert said in response.content.decode()
    remove = reverse("alert-rule-delete", args=[topic.pk, rule.pk])
    assert client_of(stranger).post(remove).status_code == 404
    assert client_of(stranger).post(add, {"minimum_relevance": "0.9"}).status_code == 404
    assert client.post(remove).headers["Location"] == page
    assert not AlertRule.objects.exists()


def test_alert_rules_come_and_go_over_the_api(client_of: ClientOf, owner: User, stranger: User, topic: Topic) -> None:
    path = "/api/auto-ingest/alert-rules"

    def make(user: User, **body: Any) -> Any:
        return client_of(user).post(path, {"topic_id": topic.pk, **body}, content_type="application/json")

    made = make(owner, minimum_relevance=0.9, phrase="heat pump")
    assert made.status_code == 201
    rule = made.json()["alert_rule"]
    assert rule == {"id": rule["id"], "topic_id": topic.pk, "minimum_relevance": 0.9, "phrase": "heat pump"}
    assert make(owner).json()["alert_rule"]["minimum_relevance"] == 0.8
    assert make(owner, minimum_relevance=0.9, phrase="heat pump").status_code == 422
    assert make(owner, minimum_relevance=1.1).status_code == 422
    assert make(owner, phrase="...").status_code == 422
    assert make(stranger).status_code == 404
    assert len(client_of(owner).get(path).json()["alert_rules"]) == 2
    assert client_of(stranger).get(path).json()["alert_rules"] == []
    assert client_of(stranger).delete(f"{path}/{rule['id']}").status_code == 404
    assert client_of(owner).delete(f"{path}/{rule['id']}").json() == {"success": True}
    assert topic.alert_rules.count() == 1

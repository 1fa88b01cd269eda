"""The cards of topics: numbers, trend, health of the sources, and when they are collected."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from ingest.models import CollectPreferences, Topic
from ingest.presenters.sparkline import HEIGHT, sparkline_of
from ingest.presenters.topics import SourceHealth
from tests.ingest.articles import make_article
from tests.pages.reading import page, queries_to_render

type ClientOf = Callable[[User], Client]
LIST = "/keyword-alerts/"
TODAY = date(2026, 11, 26)


def test_the_trend_has_a_bar_for_each_day_with_something_and_says_them() -> None:
    trend = sparkline_of({TODAY: 4, TODAY - timedelta(days=29): 2, TODAY - timedelta(days=30): 9}, TODAY)
    assert trend.path == f"M0 {HEIGHT}v-12h3v12zM116 {HEIGHT}v-24h3v24z"
    assert trend.words == "6 added in the last 30 days. 28 Oct: 2, 26 Nov: 4."
    assert sparkline_of({}, TODAY).words == "Nothing added in the last 30 days."


def test_one_among_many_is_still_seen() -> None:
    assert "v-2h3" in sparkline_of({TODAY: 1, TODAY - timedelta(days=1): 1000}, TODAY).path


@pytest.mark.parametrize(
    ("health", "word", "tone"),
    [
        (SourceHealth(), "", "neutral"),
        (SourceHealth(total=2), "Not read yet", "neutral"),
        (SourceHealth(total=2, last_checked_at=timezone.now()), "Healthy", "good"),
        (SourceHealth(total=3, failing=1, last_checked_at=timezone.now()), "1 failing", "warn"),
        (SourceHealth(total=3, failing=2, paused=1), "All failing", "bad"),
        (SourceHealth(total=2, paused=2), "Paused", "neutral"),
    ],
)
def test_the_health_of_a_topics_sources_is_a_word(health: SourceHealth, word: str, tone: str) -> None:
    assert (health.word, health.tone) == (word, tone)


@pytest.mark.django_db
def test_a_card_tells_unread_new_and_added_apart(client_of: ClientOf, owner: User, topic: Topic) -> None:
    make_article(topic)
    make_article(topic, read_at=timezone.now())
    make_article(topic, decided_at=timezone.now() - timedelta(days=2))
    make_article(topic, "failed")
    card = page(client_of(owner), LIST).one("article", id=f"topic-{topic.pk}")
    assert card.one("p", id=f"topic-{topic.pk}-numbers").text == "2 unread 2 new 3 added 4 found"
    assert "3 added in the last 30 days." in card.text


@pytest.mark.django_db
def test_a_card_says_when_the_topic_is_collected(client_of: ClientOf, owner: User, topic: Topic) -> None:
    def said() -> str:
        return page(client_of(owner), LIST).one("article", id=f"topic-{topic.pk}").text

    assert "Auto-Processing" not in said()
    Topic.objects.update(collect_every=60)
    assert "every hour" in said()
    CollectPreferences.objects.create(owner=owner, auto_processing=False)
    assert "Auto-Processing is off" in said()


@pytest.mark.django_db
def test_many_topics_come_in_pages_at_the_same_cost(client_of: ClientOf, owner: User, topic: Topic) -> None:
    client = client_of(owner)
    make_article(topic)
    topic.sources.create(url="https://news.example/feed")
    before = queries_to_render(client, LIST)
    for number in range(45):
        other = Topic.objects.create(owner=owner, name=f"Topic {number:02}")
        other.keywords.create(phrase="heat pump")
        other.sources.create(url="https://news.example/feed", failures=1)
        make_article(other)
    assert queries_to_render(client, LIST) == before < 15
    assert len(client.get(LIST).content) < 100_000
    names = [
        heading.text
        for number in (1, 2, 3)
        for heading in page(client, f"{LIST}?page={number}").all("h2", class_="run-title")
    ]
    assert names == sorted(Topic.objects.values_list("name", flat=True))

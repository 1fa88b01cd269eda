"""Articles are counted where they change: the counts are those that counting would find, whoever changed what."""

from datetime import timedelta
from random import Random

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone

from ingest.decisions import Decision
from ingest.lists import counts
from ingest.lists.numbers import numbers_of
from ingest.models import Article, ArticleCount, PastDecision, Topic
from tests.ingest.articles import make_article

pytestmark = pytest.mark.django_db


def assert_counted(topics: list[Topic]) -> None:
    """The numbers are those of the rows."""
    found = numbers_of(topics)
    month_ago = timezone.now().date() - timedelta(days=30)
    for topic in topics:
        rows = list(topic.articles.all())
        numbers = found[topic.pk]
        by_decision = {one: sum(row.decision == one for row in rows) for one in Decision.values}
        assert {one: numbers.by_decision.get(one, 0) for one in Decision.values} == by_decision
        assert numbers.unread == sum(row.decision == "approved" and row.read_at is None for row in rows)
        assert numbers.starred == sum(row.starred_at is not None for row in rows)
        on_days = [row.decided_at.date() for row in rows if row.decision == "approved" and row.decided_at]
        assert numbers.added_on == {day: on_days.count(day) for day in on_days if day > month_ago}


def test_the_numbers_are_those_of_the_rows_whatever_happens_to_them(owner: User, topic: Topic) -> None:
    chance = Random(7)
    topics = [topic, Topic.objects.create(owner=owner, name="Second")]
    now = timezone.now()
    for step in range(60):
        some = Article.objects.filter(pk__in=[row.pk for row in Article.objects.all() if chance.random() < 0.3])
        match chance.randrange(6):
            case 0 | 1:
                decision = chance.choice(Decision.values)
                decided_at = None if decision == "pending" else now - timedelta(days=chance.randrange(50))
                make_article(chance.choice(topics), decision, decided_at=decided_at)
            case 2:
                some.update(read_at=chance.choice([now, None]))
            case 3:
                some.update(starred_at=chance.choice([now, None]))
            case 4:
                decision = chance.choice(["approved", "duplicate"])
                some.update(decision=decision, failure="", decided_at=now, topic=chance.choice(topics))
            case 5:
                some.filter(pk__in=[row.pk for row in some[:2]]).delete()
        if step % 10 == 0:
            counts.ARTICLES.sum_up(enough=1)
            assert not ArticleCount.objects.filter(is_sum=False).exists()
        assert_counted(topics)
    topics[1].delete()
    counts.ARTICLES.sum_up(enough=1)
    assert set(ArticleCount.objects.values_list("topic", flat=True)) == {topic.pk}


def test_an_update_of_what_is_not_counted_leaves_no_change(topic: Topic) -> None:
    make_article(topic)
    before = ArticleCount.objects.count()
    Article.objects.update(summary="x", relevance=0.5, found_at=F("found_at"))
    assert ArticleCount.objects.count() == before


def test_what_was_decided_before_is_kept(topic: Topic) -> None:
    article = make_article(topic, "pending")
    Article.objects.update(decision="rejected_quality", decided_at=timezone.now(), quality=0.2, reasons={"a": 1})
    assert not PastDecision.objects.exists(), "nothing had been decided"
    Article.objects.update(read_at=timezone.now())
    Article.objects.update(decision="approved", decided_at=timezone.now(), quality=0.9, reasons={})
    [past] = article.past_decisions.all()
    assert (past.decision, past.quality, past.reasons) == ("rejected_quality", 0.2, {"a": 1})

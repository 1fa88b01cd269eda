"""A worker that is killed within the very transactions of a re-check, an alert and a daily digest."""

import signal
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from ingest.demo_site import DemoSite
from ingest.jobs import start_collecting, start_recheck
from ingest.models import Alert, Article, CollectPreferences, Topic
from ingest.rules import read_lines, rules_of, save_keywords
from notifications.models import Notification
from tasks.models import TaskRun
from tasks.states import Status
from tests.ingest.conftest import KEYWORDS
from tests.ingest.stored import store_article
from tests.servers import Process, database_url
from tests.waiting import eventually

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("engine_tables"), pytest.mark.timeout(240)]

STORED = 60
WAITING = "SELECT DISTINCT coalesce(relation::regclass::text, locktype) FROM pg_locks WHERE NOT granted"
# A row another transaction holds is waited for by that one's id.
ALL_THREE = {("transactionid",), ("ingest_alert",), ("notifications",)}


@pytest.fixture
def site() -> Iterator[DemoSite]:
    """The news site."""
    with DemoSite(port=0) as site:
        yield site


def wants_a_digest(user: User) -> list[Article]:
    """A digest is due for `user`, of three articles that were added an hour ago."""
    now = timezone.now()
    CollectPreferences.objects.create(
        owner=user, digest=True, digest_hour=0, digest_until=now - timedelta(days=1),
        digest_sent_on=now.date() - timedelta(days=1),
    )  # fmt: skip
    topic = Topic.objects.create(owner=user, name="Rail")
    return [store_article(topic, f"Rail {n}", "approved", decided_at=now - timedelta(hours=1)) for n in range(3)]


def test_killed_within_recheck_alert_and_digest_nothing_is_told_twice_and_nothing_lost(
    started: list[Process], site: DemoSite, owner: User, teammate: User, stranger: User
) -> None:
    judged = Topic.objects.create(owner=owner, name="Judged anew", language="en")
    stored = [store_article(judged, f"Tram line {n}", "filtered_relevance") for n in range(STORED)]
    save_keywords(judged, read_lines(["tram line"]))
    watched = Topic.objects.create(owner=stranger, name="Watched", language="en")
    for phrase in KEYWORDS:
        watched.keywords.create(phrase=phrase)
    watched.alert_rules.create(minimum_relevance=0.0)
    watched.sources.create(url=site.feed_urls("energy")[1])
    wants_a_digest(teammate)
    allowed = {"INGEST_ALLOWED_HOSTS": site.host}
    with psycopg.connect(database_url()) as gate:
        # Each of the three gets as far as the last thing it writes, and waits there.
        gate.execute("SELECT 1 FROM ingest_article WHERE id = %s FOR UPDATE", [stored[STORED // 2].pk])
        gate.execute("LOCK TABLE ingest_alert, notifications IN EXCLUSIVE MODE")
        rechecking = start_recheck(judged).id
        collecting = start_collecting(stranger, watched, limit=4).id
        started.append(Process("worker", **allowed))
        with psycopg.connect(database_url(), autocommit=True) as onlooker:
            eventually(lambda: set(onlooker.execute(WAITING)) >= ALL_THREE, within=90, what="all three wait")
            started[0].send(signal.SIGKILL)
            started[0].wait()
        gate.rollback()
    assert not Notification.objects.exists()
    assert not Alert.objects.exists()
    assert 0 < judged.articles.approved().count() < STORED, "killed half-way"  # type: ignore[attr-defined]

    started.append(Process("worker", **allowed))
    runs = TaskRun.objects.filter(pk__in=[rechecking, collecting], status=Status.COMPLETED)
    eventually(lambda: runs.count() == 2, within=120, what="both runs complete")
    eventually(lambda: CollectPreferences.objects.filter(digest_sent_on=timezone.now().date()), within=60)

    [of_recheck] = Notification.objects.filter(user=owner)
    recheck = runs.get(pk=rechecking)
    assert recheck.attempt == 2
    assert (recheck.result["processed"], recheck.result["added"]) == (STORED, STORED), "each counted once"
    assert f"{STORED}" in of_recheck.message
    assert set(judged.articles.values_list("decision", "rules")) == {("approved", rules_of(judged).stamp)}

    added = set(watched.articles.filter(decision="approved").values_list("pk", flat=True))
    assert added
    assert set(Alert.objects.values_list("article", flat=True)) == added
    links = Notification.objects.filter(user=stranger, type="keyword_alert").values_list("link", flat=True)
    assert sorted(links) == sorted(f"/keyword-alerts/articles/{pk}/" for pk in added)

    [digest] = Notification.objects.filter(user=teammate)
    assert digest.title == "Digest: 3 articles added"

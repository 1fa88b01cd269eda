"""Collecting in another language than English: pages, forms, errors, reasons, notifications."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from ingest import store
from ingest.children import in_child
from ingest.decisions import Decision, Failure
from ingest.demo_site import DemoSite
from ingest.demo_site.server import OUTAGE
from ingest.jobs import start_collecting
from ingest.models import Article, CollectPreferences, Topic
from ingest.models.names import OF_MODELS
from ingest.reading.analysis import analyse_page
from ingest.reading.pages import Page
from ingest.reading.relevance import Rules
from ingest.telling.digest import send_due
from notifications.models import Notification
from notifications.preferences import save_preferences
from tasks.models import TaskRun
from tests.ingest.articles import make_article
from tests.ingest.servers import RawServer
from tests.ingest.test_alerts import decided
from tests.ingest.test_analyzers import PATH, analysed, scores
from tests.pages.reading import read
from tests.waiting import eventually
from tests.workers import WorkerThread

type ClientOf = Callable[[User], Client]

pytestmark = pytest.mark.django_db(transaction=True)
RULES = Rules(include=("heat pump", "tariff"), language="en")
TEXT = "Heat pumps are in every second new house, says the office that counts them. " * 8


@pytest.fixture
def german(owner: User) -> User:
    """The owner, who reads German."""
    save_preferences(owner, language="de")
    return owner


@pytest.fixture
def in_german() -> Iterator[None]:
    """German is active, as inside a run of somebody who reads it."""
    with translation.override("de"):
        yield


def test_a_topics_page_is_in_the_language_of_who_reads_it(client_of: ClientOf, german: User, topic: Topic) -> None:
    make_article(topic, relevance=0.625, quality=0.9, reasons={"relevance": {"reason": "2 × heat pump"}})
    topic.sources.create(url="https://news.example/feed.xml")
    make_article(topic, "duplicate")
    page = client_of(german).get(topic.get_absolute_url()).content.decode()
    assert "<strong>1</strong> ungelesen" in page
    assert "Auto-Sammeln starten" in page
    for word in ("Aufgenommen", "Duplikat", "Neueste zuerst", "Relevanz"):
        assert word in page, word
    for word in ("unread", "Articles", "Newest first", "Added"):
        assert f">{word}<" not in page, word


def test_a_refused_form_says_why_in_german(client_of: ClientOf, german: User, topic: Topic) -> None:
    answer = client_of(german).post(reverse("topic-rules", args=[topic.pk]), {"include": "???", "exclude": ""})
    assert answer.status_code == 422
    assert "„???“ ist kein Stichwort: Es braucht Buchstaben oder Ziffern." in read(answer.content).text


def test_our_words_go_before_those_of_djangos_admin(client_of: ClientOf, german: User, topic: Topic) -> None:
    page = client_of(german).get(reverse("topic-edit", args=[topic.pk])).content.decode()
    assert ">Speichern</button>" in page  # the admin says "Sichern"


def test_numbers_of_a_sentence_are_written_as_its_language_does(in_german: None) -> None:
    assert Decision.DUPLICATE.counted(1) == "1 Duplikat"
    assert Decision.DUPLICATE.counted(1234) == "1.234 Duplikate"
    assert Failure.TIMEOUT.sentence("20 s") == "Der Server brauchte zu lange (20 s)."


async def test_a_reason_found_in_a_child_is_in_the_language_of_the_run() -> None:
    page = Page(url="https://news.example/1", body=f"<html><body><p>{TEXT}</p></body></html>".encode(), title="Warm")
    said = {}
    # German, then English in the same child, and German once more.
    for language in ("de", "en", "es", "de"):
        with translation.override(language):
            _reading, scores = await in_child(analyse_page, page, RULES)
        assert scores is not None
        said[language] = (scores.relevance.reason, scores.quality.reason)
    assert said["en"][1].startswith("112 words")
    assert said["de"][1].startswith("112 Wörter")
    assert said["es"][1].startswith("112 palabras")
    with translation.override("de"):
        _reading, scores = await in_child(analyse_page, page, Rules(include=("rail",)))
        assert scores is not None and scores.relevance.reason == "keines der Stichwörter"


async def test_an_endpoint_is_asked_for_its_reason_in_the_language_of_the_run() -> None:
    async with RawServer({PATH: scores()}) as server:
        with translation.override("de"):
            await analysed(server)
        asked = json.loads(server.bodies[0])["response_format"]["json_schema"]["schema"]
    assert asked["properties"]["reason"]["description"].startswith("one short sentence in German")


def test_what_a_run_writes_down_is_in_its_owners_language(
    worker: WorkerThread, site: DemoSite, german: User, topic: Topic
) -> None:
    source = topic.sources.create(url=site.url + OUTAGE, title="The Daily Outage")
    Article.objects.create(topic=topic, url=f"{site.url}/gone", canonical_url=f"{site.url}/gone")
    run_id = start_collecting(german, topic, sources=[source.pk]).id
    run = eventually(lambda: TaskRun.objects.final().filter(pk=run_id).first(), what="the run ends")
    source.refresh_from_db()
    article = topic.articles.get()
    assert run.name == "Auto-Sammeln: Energy"
    assert source.last_error.startswith("Der Server"), source.last_error
    assert article.reasons["failure"] == "Die Seite gibt es nicht (404)."
    told = Notification.objects.get()
    assert told.title == "Auto-Sammeln abgeschlossen"
    assert told.message == "1 Artikel für „Energy“ verarbeitet: 1 fehlgeschlagen."


def test_an_alert_and_a_digest_go_out_in_the_language_of_who_gets_them(german: User, topic: Topic) -> None:
    topic.alert_rules.create(minimum_relevance=0.5)
    store.save_decisions([decided(topic, f"Heat pumps {number}") for number in range(6)], uuid4())
    assert [one.title for one in Notification.objects.all()] == ["Energy: 6 Artikel erfüllen Ihre Meldungsregeln"]
    Article.objects.update(decided_at=timezone.now() - timedelta(hours=2))
    CollectPreferences.objects.create(owner=german, digest=True, digest_hour=0)
    assert send_due() == 1
    digest = Notification.objects.get(type="collect_digest")
    assert digest.title == "Zusammenfassung: 6 Artikel aufgenommen"


def test_what_columns_are_called_is_no_matter_of_the_schema() -> None:
    with translation.override("en"):
        for model in OF_MODELS:
            columns: list[models.Field] = [one for one in model._meta.concrete_fields if not one.auto_created]
            assert [str(one.verbose_name) for one in columns] == [one.name.replace("_", " ") for one in columns]
    with translation.override("de"):
        assert str(Topic._meta.verbose_name_plural) == "Themen"

"""What `manage.py demo` starts from."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from ingest.demo import next_edition, open_site, prepare
from ingest.demo_site import DemoSite, Pace
from ingest.models import Article, Source, Topic
from ingest.service import run_auto_ingest
from tasks.db import in_thread
from tests.ingest.recorder import Recorder

AT_ONCE = Pace(latency=(0, 0), slow=0, drip=0.02, drip_for=0.1)


@pytest.mark.django_db
def test_preparing_twice_is_preparing_once(owner: User) -> None:
    first = prepare(owner)
    assert prepare(owner) == first
    assert [topic.name for topic in first] == ["Energy at home", "Rail and city"]
    assert Topic.objects.count() == 2
    assert Source.objects.count() == 7


@pytest.mark.django_db
def test_what_a_person_changed_stays(owner: User) -> None:
    topic = prepare(owner)[0]
    topic.keywords.all().delete()
    topic.sources.first().delete()
    prepare(owner)
    assert not topic.keywords.exists()
    assert topic.sources.count() == 3


@pytest.mark.django_db
def test_the_feeds_follow_the_site_to_another_port(owner: User, settings: Settings) -> None:
    topic = prepare(owner)[0]
    mine = topic.sources.create(url="https://news.example/feed")
    settings.DEMO_SITE_PORT = 9999
    prepare(owner)
    assert topic.sources.filter(url__startswith="http://127.0.0.1:9999/feeds/").count() == 4
    mine.refresh_from_db()
    assert mine.url == "https://news.example/feed"


@pytest.mark.django_db(transaction=True)
async def test_a_second_demo_finds_something_new_and_only_that(owner: User, settings: Settings) -> None:
    free = DemoSite(port=0)
    settings.DEMO_SITE_PORT = int(free.host.rpartition(":")[2])
    free._server.server_close()

    async def collect(topic: Topic, site: DemoSite) -> int:
        with_site = await run_auto_ingest(topic, progress=Recorder(), run_id=uuid4())
        await in_thread(site.stop)
        return with_site["processed"]

    topics = await in_thread(prepare, owner)
    assert await in_thread(next_edition, topics) == 1
    site = await in_thread(lambda: open_site(topics, pace=AT_ONCE))
    assert await collect(topics[0], site) == 200
    site = await in_thread(lambda: open_site(topics, pace=AT_ONCE))
    assert site.edition == 2
    new = await collect(topics[0], site)
    assert 5 <= new <= 20
    assert await in_thread(Article.objects.count) == 200 + new

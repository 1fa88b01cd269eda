"""What tests of articles share: a topic of the owner's, and the demo site on a port of its own."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User

from ingest.demo_site import DemoSite, Pace
from ingest.models import Article, Topic

KEYWORDS = ("heat pump", "home battery", "solar roof", "district heating", "insulation")


@pytest.fixture
def topic(owner: User) -> Topic:
    """The owner's topic, with keywords and no sources."""
    topic = Topic.objects.create(owner=owner, name="Energy", language="en")
    for phrase in KEYWORDS:
        topic.keywords.create(phrase=phrase)
    topic.keywords.create(phrase="sponsored", kind="exclude")
    return topic


@pytest.fixture
def article(topic: Topic) -> Article:
    """An article that waits for its decision."""
    return Article.objects.create(
        topic=topic, url="https://news.example/1", canonical_url="https://news.example/1", title="Heat pumps at last"
    )


@pytest.fixture
def site() -> Iterator[DemoSite]:
    """The demo site, answering at once."""
    with DemoSite(port=0, pace=Pace(latency=(0, 0), slow=0, drip=0.02)) as site:
        yield site

"""What the demo needs: a person's topics with their keywords and feeds, and the site these feeds are on."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from .demo_site import DemoSite, Pace
from .demo_site.articles import PUBLICATIONS
from .demo_site.pages import NAMES
from .demo_site.server import OUTAGE
from .models import Article, Keyword, Topic

# Name, world of the demo site, keywords to look for, keywords that keep an article out.
TOPICS = (
    (
        "Energy at home",
        "energy",
        ("heat pump", "home battery", "solar roof", "district heating", "insulation"),
        ("sponsored",),
    ),
    ("Rail and city", "travel", ("night train", "tram line", "cycle lane"), ()),
)
_EDITION = re.compile(r"^/[a-z-]+/(\d{1,4})/")


@transaction.atomic
def prepare(user: User) -> list[Topic]:
    """The demo's topics for `user`, the main one first. Made once; what the user changed since stays as it is."""
    base = f"http://127.0.0.1:{getattr(settings, 'DEMO_SITE_PORT', 8765)}"
    topics = []
    for name, world, include, exclude in TOPICS:
        topic, created = Topic.objects.get_or_create(owner=user, name=name, defaults={"language": "en"})
        topics.append(topic)
        if not created:
            _follow(topic, base)
            continue
        for phrase in include:
            topic.keywords.create(phrase=phrase)
        for phrase in exclude:
            topic.keywords.create(phrase=phrase, kind=Keyword.Kind.EXCLUDE)
        for publication in PUBLICATIONS[world]:
            topic.sources.create(url=f"{base}/feeds/{publication}.xml", title=NAMES[publication])
        if world == "travel":
            # One feed that never answers, to see how trouble looks.
            topic.sources.create(url=f"{base}{OUTAGE}", title="The Daily Outage")
    return topics


def _follow(topic: Topic, base: str) -> None:
    """The site may be on another port today; feeds that are still there go with it."""
    for source in topic.sources.filter(url__startswith="http://127.0.0.1:").exclude(url__startswith=f"{base}/"):
        path = urlsplit(source.url).path
        if path.startswith("/feeds/") and not topic.sources.filter(url=base + path).exists():
            topic.sources.filter(pk=source.pk).update(url=base + path, etag="", last_modified="", next_check_at=None)


def next_edition(topics: Sequence[Topic]) -> int:
    """The edition the site should show now: one more than what the main topic has read, so that there is news."""
    if not topics:
        return 1
    articles = Article.objects.filter(topic=topics[0])
    editions = [
        int(found[1])
        for url in articles.values_list("url", flat=True).iterator()
        if (found := _EDITION.match(urlsplit(url).path))
    ]
    if not editions:
        return 1
    # A run that was stopped half-way has something to do as it is.
    return max(editions) + (0 if articles.pending().exists() else 1)


def open_site(topics: Sequence[Topic], *, port: int | None = None, pace: Pace | None = None) -> DemoSite:
    """The demo site with something new for `topics`, started. Raises OSError when its port is taken."""
    return DemoSite(edition=next_edition(topics), port=port, pace=pace).start()

"""What is written down about a source after it was read."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from ingest.fetching.fetch import Fetcher
from ingest.models import Source, Topic
from ingest.service import run_auto_ingest
from ingest.sources.notes import may_move, pause_after
from tasks.db import in_thread
from tests.ingest.recorder import Recorder
from tests.ingest.servers import Answer, RawServer, reply

FEED = b"<rss version='2.0'><channel><title>The Times</title><link>/home</link>%s</channel></rss>"
ITEM = b"<item><link>/%d</link><title>t</title></item>"


async def read(topic: Topic, server: RawServer, path: str, **values: object) -> Source:
    """The source at `path`, after the topic was collected once."""
    source, _ = await in_thread(Source.objects.get_or_create, topic=topic, url=server.url(path), defaults=values)
    fetcher = Fetcher(allowed=frozenset({server.host}))
    await run_auto_ingest(topic, progress=Recorder(), run_id=uuid4(), fetcher=fetcher, limit=0)
    await in_thread(source.refresh_from_db)
    return source


@pytest.mark.django_db(transaction=True)
async def test_a_good_reading_says_when_there_was_something_new_and_forgets_the_trouble(
    topic: Topic, settings: object
) -> None:
    settings.INGEST_ALLOWED_HOSTS = ["127.0.0.1"]  # type: ignore[attr-defined]
    async with RawServer({"/f": reply(FEED % ITEM % 1, ETag='"1"')}) as server:
        source = await read(topic, server, "/f", failures=4, failure="timeout", last_error="Slow.")
        assert (source.health, source.failure, source.last_error) == ("healthy", "", "")
        assert (source.title, source.site_url, source.etag) == ("The Times", server.url("/home"), '"1"')
        first = source.last_new_at
        assert first is not None
        assert (await read(topic, server, "/f")).last_new_at == first, "nothing new"
        server.answers["/f"] = reply(status="304 Not Modified")
        again = await read(topic, server, "/f")
        assert (again.last_new_at, again.failures) == (first, 0)
        assert again.last_checked_at is not None and again.last_checked_at > first


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("answer", "code", "said", "at_least"),
    [
        (reply(status="410 Gone"), "gone", "gone for good", timedelta(hours=23)),
        (reply(status="503 Busy", Retry_After="7200"), "http_error", "an error (503)", timedelta(minutes=119)),
        (reply(status="429 Slow", Retry_After="7200"), "busy", "come back later", timedelta(minutes=119)),
        (reply(b"<p>Hello"), "not_a_feed", "no feed", timedelta(minutes=4)),
    ],
)
async def test_trouble_has_a_code_plain_words_and_a_next_try(
    topic: Topic, answer: Answer, code: str, said: str, at_least: timedelta
) -> None:
    async with RawServer({"/f": answer}) as server:
        source = await read(topic, server, "/f")
    assert (source.health, source.failure, source.failures) == ("failing", code, 1)
    assert said in source.last_error
    assert source.next_check_at is not None and source.next_check_at - timezone.now() > at_least
    assert not source.is_paused, "a source is never given up"


@pytest.mark.django_db(transaction=True)
async def test_a_feed_that_has_moved_for_good_is_read_there_from_then_on(topic: Topic, settings: object) -> None:
    settings.INGEST_ALLOWED_HOSTS = ["127.0.0.1"]  # type: ignore[attr-defined]
    answers: dict[str, Answer] = {
        "/old": reply(status="301 Moved", Location="/new"), "/new": reply(FEED % ITEM % 1),
        "/taken": reply(status="301 Moved", Location="/new"),
        "/lost": reply(status="301 Moved", Location="/page"), "/page": reply(b"<p>Sign in to the network"),
    }  # fmt: skip
    async with RawServer(answers) as server:
        assert (await read(topic, server, "/old")).url == server.url("/new")
        assert (await read(topic, server, "/taken")).url == server.url("/taken"), "the topic reads that one already"
        assert (await read(topic, server, "/lost")).url == server.url("/lost"), "what is there is no feed"


@pytest.mark.parametrize(
    ("old", "new", "may"),
    [
        ("http://a.example/f", "https://a.example/f", True),
        ("https://a.example/f", "https://b.example/g?x=1", True),
        ("https://a.example/f", "http://a.example/f", False),
        ("https://a.example/f", "https://a.example/", False),
        ("https://a.example/", "https://b.example/", True),
        ("https://a.example/f", "https://a.example:22/f", False),
        ("https://a.example/f", "https://a.example/" + "x" * 1000, False),
    ],
)
def test_a_move_is_believed_with_care(old: str, new: str, may: bool) -> None:
    assert may_move(old, new) is may


@pytest.mark.parametrize(
    ("failures", "asked", "minutes"), [(1, None, 5), (2, None, 10), (5, None, 80), (50, None, 1440)]
)
def test_a_source_is_left_alone_longer_each_time(failures: int, asked: float | None, minutes: int) -> None:
    assert pause_after(failures, asked).total_seconds() == minutes * 60


@pytest.mark.parametrize(("asked", "seconds"), [(10, 300), (3600, 3600), (10**9, 604_800)])
def test_a_source_is_left_alone_as_long_as_it_asks_but_never_given_up(asked: float, seconds: int) -> None:
    assert pause_after(1, asked).total_seconds() == seconds

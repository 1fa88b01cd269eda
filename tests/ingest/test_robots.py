"""What sites ask of robots."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from ingest.decisions import Failure
from ingest.fetching import robots
from ingest.fetching.fetch import Fetcher
from ingest.fetching.guard import FetchError
from ingest.fetching.robots import Robots, may_fetch
from ingest.models import Article, Topic
from ingest.service import run_auto_ingest
from tasks.db import in_thread
from tests.ingest.recorder import Recorder
from tests.ingest.servers import Answer, RawServer, reply

RULES = b"User-agent: *\nDisallow: /private/\n\nUser-agent: statusproj\nDisallow: /ours/\nAllow: /ours/public\n"


@asynccontextmanager
async def site(answer: Answer | None) -> AsyncIterator[tuple[RawServer, Fetcher]]:
    answers = {} if answer is None else {"/robots.txt": answer}
    async with RawServer(answers) as server, Fetcher(allowed=frozenset({server.host})) as fetcher:
        yield server, fetcher


async def allows(rules: Robots, url: str, fetcher: Fetcher) -> bool:
    try:
        await rules.check(url, fetcher)
    except FetchError as error:
        assert error.code == Failure.ROBOTS
        assert str(error) == "The site asks robots not to read this page."
        return False
    return True


@pytest.mark.parametrize(
    ("path", "may"), [("/", True), ("/private/x", True), ("/ours/x", False), ("/ours/public/x", True)]
)
def test_the_rules_for_us_count_before_those_for_all(path: str, may: bool) -> None:
    assert may_fetch(RULES, f"https://news.example{path}") is may


async def test_a_site_is_asked_once_for_all_its_pages() -> None:
    async with site(reply(RULES, Content_Type="text/plain")) as (server, fetcher):
        rules = Robots()
        asked = [server.url(path) for path in ("/a", "/ours/b", "/c")]
        answers = await asyncio.gather(*(allows(rules, url, fetcher) for url in asked))
        assert answers == [True, False, True]
        assert server.requests == ["/robots.txt"]


@pytest.mark.parametrize(
    ("answer", "is_kept"),
    [
        (None, True),
        (reply(b"<html>no robots here</html>"), True),
        (reply(status="500 Oops"), False),
        (reply(status="403 Forbidden"), False),
        (reply(b"x" * 600_000), False),
        (b"", False),
    ],
)
async def test_rules_that_cannot_be_read_forbid_nothing_and_are_asked_for_again(
    answer: Answer | None, is_kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(robots, "UNREADABLE_FOR", -1.0)
    async with site(answer) as (server, fetcher):
        rules = Robots()
        assert await allows(rules, server.url("/x"), fetcher)
        assert await allows(rules, server.url("/y"), fetcher)
        assert len(server.heads) == (1 if is_kept else 2)


def hang(text: bytes, url: str) -> bool:
    while True:
        pass


async def test_rules_that_cost_too_much_forbid_nothing_and_are_not_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingest.children.SECONDS", 0.3)
    monkeypatch.setattr(robots, "may_fetch", hang)
    async with site(reply(RULES, Content_Type="text/plain")) as (server, fetcher):
        rules = Robots()
        assert await allows(rules, server.url("/ours/x"), fetcher)
        monkeypatch.setattr(robots, "may_fetch", may_fetch)
        assert await allows(rules, server.url("/ours/x"), fetcher)
        assert server.requests == ["/robots.txt"]


async def test_no_more_sites_are_remembered_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robots, "MAX_HOSTS", 3)
    async with site(None) as (_server, fetcher):
        rules = Robots()
        for number in range(6):
            assert await allows(rules, f"http://127.0.0.1:{number + 1}/", fetcher)
        assert len(rules._texts) == 3


@pytest.mark.django_db(transaction=True)
async def test_an_article_is_left_alone_where_a_site_asks_for_it_and_its_feed_is_read(topic: Topic) -> None:
    feed = b"<rss version='2.0'><channel><item><link>/ours/x</link></item></channel></rss>"
    answers: dict[str, Answer] = {"/robots.txt": reply(RULES + b"Disallow: /feed\n"), "/feed": reply(feed)}
    async with RawServer(answers) as server:
        await in_thread(lambda: topic.sources.create(url=server.url("/feed")))
        fetcher = Fetcher(allowed=frozenset({server.host}))
        outcome = await run_auto_ingest(topic, progress=Recorder(), run_id=uuid4(), fetcher=fetcher)
        assert "/ours/x" not in server.requests
    assert (outcome["sources"]["read"], outcome["failures"]) == (1, {"robots": 1})
    article = await in_thread(Article.objects.get)
    assert article.reasons["failure"] == "The site asks robots not to read this page."

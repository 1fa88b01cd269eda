"""The list of articles: tabs, filters, search, order, and pages that neither repeat nor lose anything."""

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from random import Random
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from ingest.lists import listing
from ingest.lists.filters import ArticleFilters
from ingest.models import Article, Topic
from tests.ingest.articles import make_article
from tests.pages.reading import Element, page, queries_to_render

type ClientOf = Callable[[User], Client]

pytestmark = pytest.mark.django_db
ALL = "/keyword-alerts/articles/"
LONG_AGO = timedelta(days=3)


def titles(document: Element) -> list[str]:
    """The titles on a page, from top to bottom."""
    return [article.one("h3").one("a").text for article in document.all("article", data_article="")]


@pytest.fixture
def articles(topic: Topic) -> dict[str, Article]:
    """One article for everything that can be asked."""
    now = timezone.now()
    source = topic.sources.create(url="https://news.example/feed", title="Daily Heat")
    return {
        "fresh": make_article(topic, title="fresh", language="en", source=source, relevance=0.9, quality=0.5),
        "old": make_article(topic, title="old", decided_at=now - LONG_AGO, language="de", relevance=0.5, quality=0.9),
        "read": make_article(topic, title="read", read_at=now, starred_at=now, found_at=now - timedelta(days=30)),
        "low": make_article(topic, "filtered_relevance", title="low", relevance=0.1, quality=0.7),
        "failed": make_article(topic, "failed", title="failed"),
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"fresh", "old", "read", "low", "failed"}),
        ("show=new", {"fresh", "read"}),
        ("show=added", {"fresh", "old", "read"}),
        ("show=failed", {"failed"}),
        ("show=filtered_relevance", {"low"}),
        ("show=duplicate", set()),
        ("only=unread", {"fresh", "old"}),
        ("only=starred", {"read"}),
        ("show=new&only=unread", {"fresh"}),
        ("show=failed&only=unread", set()),
        ("language=EN", {"fresh"}),
        ("source={source}", {"fresh"}),
        ("until={week_ago}", {"read"}),
        ("since={week_ago}", {"fresh", "old", "low", "failed"}),
        ("since={week_ago}&sort=relevance", {"fresh", "old", "low", "failed"}),
        ("since={week_ago}&until={week_ago}", set()),
    ],
)
def test_the_address_says_which_articles_are_shown(
    client_of: ClientOf, owner: User, topic: Topic, articles: dict[str, Article], query: str, expected: set[str]
) -> None:
    week_ago = (timezone.now() - timedelta(days=7)).date()
    query = query.format(source=articles["fresh"].source_id, week_ago=week_ago)
    for path in (topic.get_absolute_url(), ALL):
        assert set(titles(page(client_of(owner), f"{path}?{query}"))) == expected, path


@pytest.mark.parametrize(
    ("sort", "first"), [("newest", "failed"), ("relevance", "fresh"), ("quality", "old"), ("", "failed")]
)
def test_the_order_is_the_one_asked_for_and_what_has_no_score_comes_last(
    client_of: ClientOf, owner: User, topic: Topic, articles: dict[str, Article], sort: str, first: str
) -> None:
    found = titles(page(client_of(owner), f"{topic.get_absolute_url()}?sort={sort}"))
    assert found[0] == first
    assert sort not in {"relevance", "quality"} or set(found[-2:]) == {"read", "failed"}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("show=nonsense", "is none of all, new, added"),
        ("only=red", "is none of unread, starred"),
        ("sort=up", "is none of newest, relevance, quality"),
        ("q=%00", "NUL"),
        ("q=...", "needs a letter or a digit"),
        ("q=" + "x" * 500, "200 characters at most"),
        ("source=x", "must be a number"),
        ("source=99999999999999999999", "must be a number"),
        ("language=english", "two letters"),
        ("since=yesterday", "is no date"),
        ("since=0001-01-01", "must lie in a year"),
        ("since=2026-02-02&until=2026-01-01", "must not lie before"),
        ("show=new&show=added", "more than once"),
    ],
)
def test_a_filter_that_cannot_be_used_is_said_and_shows_nothing(
    client_of: ClientOf, owner: User, topic: Topic, articles: dict[str, Article], query: str, said: str
) -> None:
    document = page(client_of(owner), f"{topic.get_absolute_url()}?{query}")
    assert said in document.one("div", class_="banner-error").text
    assert titles(document) == []


@pytest.mark.parametrize("after", ["", "x", "%00", "eA", "LTE", "bmFuIDE", "MjAyNi0xMS0yNlQwMDowMDowMCAx"])
@pytest.mark.parametrize("sort", ["newest", "quality"])
def test_a_damaged_position_shows_the_first_page(
    client_of: ClientOf, owner: User, topic: Topic, articles: dict[str, Article], after: str, sort: str
) -> None:
    document = page(client_of(owner), f"{topic.get_absolute_url()}?sort={sort}&after={after}")
    assert len(titles(document)) == 5 or after == "bmFuIDE"  # "nan 1": no place, so nothing comes after it


def test_search_knows_words_phrases_and_minus_and_marks_what_it_found(
    client_of: ClientOf, owner: User, topic: Topic
) -> None:
    make_article(topic, title="Heat pumps at last", text="The tariff falls. <img src=x onerror=alert(1)> & more.")
    make_article(topic, title="Solar roofs", text="Pumps and heat, but never both. " * 3)
    other = Topic.objects.create(owner=owner, name="Other")
    make_article(other, title="Heat pumps elsewhere")
    client = client_of(owner)

    def found(words: str, path: str = topic.get_absolute_url()) -> list[str]:
        return titles(page(client, f"{path}?{urlencode({'q': words})}"))

    assert found("heat") == ["Solar roofs", "Heat pumps at last"]
    assert found('"heat pumps"') == ["Heat pumps at last"]
    assert found("heat -solar") == ["Heat pumps at last"]
    assert found("tariff or solar") == ["Solar roofs", "Heat pumps at last"]
    assert found("NOTHING") == []
    assert found("heat", ALL) == ["Heat pumps elsewhere", "Solar roofs", "Heat pumps at last"]
    document = page(client, f"{topic.get_absolute_url()}?q=tariff")
    assert [mark.text for mark in document.all("mark")] == ["tariff"]
    assert not document.all("img")
    assert [mark.text for mark in page(client, f"{topic.get_absolute_url()}?q=last").all("mark")] == ["last"]


def test_what_changes_about_an_article_changes_what_finds_it(client_of: ClientOf, owner: User, topic: Topic) -> None:
    article = make_article(topic, "pending", title="Before")
    client = client_of(owner)
    Article.objects.filter(pk=article.pk).update(title="After", text="x\n" * 100_000 + "end")
    assert titles(page(client, f"{ALL}?q=before")) == []
    assert titles(page(client, f"{ALL}?q=after")) == ["After"]
    article.delete()
    assert titles(page(client, f"{ALL}?q=after")) == []


SORTS = ("newest", "relevance", "quality")
QUERIES = (
    {},
    {"show": "added"},
    {"show": "new"},
    {"q": "common"},
    {"q": "rare"},
    {"language": "de"},
    {"only": "unread"},
)


@pytest.mark.parametrize(("sort", "query"), [*product(SORTS, QUERIES)])
def test_pages_together_are_everything_once_in_order_while_more_arrives(
    topic: Topic, monkeypatch: pytest.MonkeyPatch, sort: str, query: dict[str, str]
) -> None:
    monkeypatch.setattr(listing, "LOOKED_THROUGH", 12)
    chance = Random(f"{sort}{query}")
    topics = [topic, Topic.objects.create(owner=topic.owner, name="Second")]
    now = timezone.now()

    def make(moment: timedelta) -> None:
        decision = chance.choice(["approved", "approved", "filtered_relevance", "failed", "pending"])
        make_article(
            chance.choice(topics),
            decision,
            title=f"common {'rare' if chance.random() < 0.1 else 'usual'}",
            found_at=now + moment,
            decided_at=None if decision == "pending" else now - timedelta(hours=chance.choice([1, 48])),
            read_at=now if chance.random() < 0.5 else None,
            language=chance.choice(["en", "en", "en", "de"]),
            relevance=chance.choice([None, 0.1, 0.5, 0.5, 0.9]),
            quality=chance.choice([None, 0.25, 0.75]),
        )

    for _ in range(70):
        make(timedelta(minutes=chance.randrange(-20, 0)))
    filters = ArticleFilters.of({**query, "sort": sort})
    keys = [one.pk for one in topics]
    there = set(listing.matching(keys, filters).values_list("pk", flat=True))
    assert there
    seen: list[Article] = []
    after = None
    while found := listing.find(keys, filters, limit=7, after=after):
        seen += found
        after = listing.position_of(listing.cursor_of(found[-1], sort), sort)
        make(timedelta(minutes=chance.randrange(-20, 5)))
    assert len(seen) == len({article.pk for article in seen}), "nothing comes twice"
    assert there <= {article.pk for article in seen}, "nothing is lost"
    key = listing.ORDERS[sort].key_of
    places = [(key(article), article.pk) for article in seen]
    assert places == sorted(places, reverse=True)
    assert {article.pk for article in seen} <= set(listing.matching(keys, filters).values_list("pk", flat=True))


def test_the_next_page_is_linked_and_leads_back(client_of: ClientOf, owner: User, topic: Topic) -> None:
    made = [make_article(topic).title for _ in range(45)]
    client, path, shown = client_of(owner), f"{topic.get_absolute_url()}?show=added", []
    while path:
        document = page(client, path)
        shown += titles(document)
        path = next((link.attrs["href"] for link in document.all("a", rel="next")), "")
    assert shown == made[::-1]
    assert document.one("a", rel="prev").attrs["href"] == f"{topic.get_absolute_url()}?show=added"


def test_a_strangers_articles_are_on_no_list_of_mine(
    client_of: ClientOf, stranger: User, topic: Topic, articles: dict[str, Article]
) -> None:
    for query in ("", f"?topic={topic.pk}", f"?source={articles['fresh'].source_id}", "?q=fresh"):
        assert titles(page(client_of(stranger), ALL + query)) == []


def test_a_list_costs_the_same_however_long_it_is(client_of: ClientOf, owner: User, topic: Topic) -> None:
    client = client_of(owner)
    paths = [topic.get_absolute_url() + query for query in ("", "?show=new&q=approved", "?sort=quality")] + [ALL]
    make_article(make_article(topic).topic, "duplicate", duplicate_of=topic.articles.get())
    before = {path: queries_to_render(client, path) for path in paths}
    for _ in range(30):
        make_article(topic, source=topic.sources.create(url=f"https://news.example/feed/{_}"))
        make_article(topic, "duplicate", duplicate_of=topic.articles.first())
    assert {path: queries_to_render(client, path) for path in paths} == before
    assert max(before.values()) <= 15
    assert all(len(client.get(path).content) < 100_000 for path in paths)

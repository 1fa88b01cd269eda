"""One story, many addresses: its root, its duplicates, and who takes the root's place."""

from functools import partial
from uuid import uuid4

import pytest
from django.utils import timezone

from ingest.collecting.verdicts import Verdict
from ingest.decisions import Decision
from ingest.demo_site.articles import story
from ingest.duplicates.clusters import addresses_of, mend_clusters, recent_stories
from ingest.fetching.fetch import Fetcher
from ingest.models import Article, Source, Topic
from ingest.reading.extract import extract
from ingest.service import run_auto_ingest
from ingest.store import Candidate, Decided, save_decisions
from tasks.db import in_thread
from tests.ingest.recorder import Recorder
from tests.ingest.servers import RawServer, reply

pytestmark = pytest.mark.django_db(transaction=True)

PARAGRAPHS = story("energy", "heat-pump", 5, "article").paragraphs  # type: ignore[arg-type]


def article(topic: Topic, number: int, decision: str = Decision.APPROVED, **values: object) -> Article:
    """A decided article with good scores, unless `values` say otherwise."""
    address = f"https://news.example/{number}"
    defaults = {"relevance": 0.8, "quality": 0.8, "simhash": 1 << (number % 8), "decided_at": timezone.now()}
    return Article.objects.create(
        topic=topic, url=address, canonical_url=address, title=f"Story {number}", decision=decision, **defaults | values
    )


def duplicate(root: Article | None, number: int, topic: Topic, **values: object) -> Article:
    """A duplicate of `root`."""
    reasons = {"relevance": {"reason": "2 × heat pump"}, "duplicate": {"by": "text", "distance": 2}}
    return article(topic, number, Decision.DUPLICATE, duplicate_of=root, reasons=reasons, **values)


def page(paragraphs: list[str], head: str = "") -> bytes:
    body = "".join(f"<p>{text}</p>" for text in paragraphs)
    return reply(f"<html><head><title>Heat pump</title>{head}</head><article>{body}</article></html>".encode())


async def collected(topic: Topic, server: RawServer, *paths: str) -> list[Article]:
    """The topic's articles, once those at `paths` were collected from as many sources, one after the other."""
    for path in paths:
        feed = f"<rss version='2.0'><channel><item><link>{path}</link></item></channel></rss>"
        server.answers[f"/feed{path}"] = reply(feed.encode())
        await in_thread(partial(topic.sources.create, url=server.url(f"/feed{path}")))
        fetcher = Fetcher(allowed=frozenset({server.host}))
        await run_auto_ingest(topic, progress=Recorder(), run_id=uuid4(), fetcher=fetcher)
    return await in_thread(lambda: list(topic.articles.order_by("id")))


async def test_the_same_text_from_three_sources_is_one_story_with_two_duplicates(topic: Topic) -> None:
    async with RawServer({f"/{name}": page(PARAGRAPHS[:8]) for name in "abc"}) as server:
        root, *copies = await collected(topic, server, "/a", "/b", "/c")
    assert root.decision == Decision.APPROVED
    assert [(copy.decision, copy.duplicate_of_id) for copy in copies] == [(Decision.DUPLICATE, root.pk)] * 2
    assert copies[0].reasons["duplicate"] == {"by": "text", "distance": 0}
    [told] = await in_thread(lambda: list(topic.articles.approved().with_duplicates()))
    assert (told.duplicates_total, told.also_in) == (2, 2)


async def test_a_page_that_says_where_it_belongs_is_a_duplicate_though_its_text_was_edited(topic: Topic) -> None:
    shortened = PARAGRAPHS[3:]
    async with RawServer({"/story": page(PARAGRAPHS)}) as server:
        server.answers["/print"] = page(shortened, "<link rel='canonical' href='/story?utm_source=print'>")
        server.answers["/claims"] = page(
            story("energy", "home-battery", 45, "article").paragraphs,  # type: ignore[arg-type]
            "<link rel='canonical' href='/story'>",
        )
        root, printed, claims = await collected(topic, server, "/story", "/print", "/claims")
    assert printed.declared_url == root.canonical_url
    assert (printed.decision, printed.duplicate_of_id) == (Decision.DUPLICATE, root.pk)
    assert claims.declared_url == root.canonical_url
    assert claims.decision != Decision.DUPLICATE, "another text is another story, whatever it claims"


async def test_an_address_that_redirects_to_a_known_page_is_a_duplicate_of_it(topic: Topic) -> None:
    async with RawServer({"/story": page(PARAGRAPHS[:8])}) as server:
        server.answers["/moved"] = reply(status="301 Moved", Location="/story")
        root, moved = await collected(topic, server, "/story", "/moved")
    assert (moved.decision, moved.duplicate_of_id) == (Decision.DUPLICATE, root.pk)


@pytest.mark.parametrize(
    ("link", "declared"),
    [
        ("<link rel=canonical href='/story#top'>", "https://news.example/story"),
        ("<link rel='alternate canonical' href='HTTP://Other.example:80/Story/'>", "https://other.example/Story"),
        ("<link rel=canonical href='https://news.example/?p=7'>", "https://news.example/?p=7"),
        ("<link rel=canonical href='/'>", ""),  # every article calls itself the front page: a common mistake
        ("<link rel=canonical href='javascript:alert(1)'>", ""),
        ("<link rel=canonical href='http://[::1'>", ""),
        ("<link rel=canonical>", "https://news.example/a"),
        ("<link rel=stylesheet href='/story'>", ""),
        (f"<link rel=canonical href='/{'x' * 3000}'>", ""),
        ("", ""),
    ],
)
def test_what_a_page_calls_itself(link: str, declared: str) -> None:
    body = f"<html><head>{link}</head><body><article><p>{PARAGRAPHS[0]}</p></article></body></html>"
    assert extract(body.encode(), url="https://news.example/a").declared_url == declared


def test_who_claims_to_be_another_site_is_not_known_by_its_address() -> None:
    own, www, other = "https://news.example/1", "https://www.news.example/story", "https://paper.example/story"
    assert addresses_of(own, www) == {own, www}
    assert addresses_of(own, other) == {own}
    assert addresses_of(own, "") == {own}


def test_other_sources_are_counted_once_each_and_the_own_not_at_all(topic: Topic) -> None:
    own, other, third = (Source.objects.create(topic=topic, url=f"https://{name}.example/f") for name in "abc")
    root = article(topic, 1, source=own)
    for number, source in enumerate([own, other, other, third, None], start=2):
        duplicate(root, number, topic, source=source)
    pasted = article(topic, 9)
    duplicate(pasted, 10, topic, source=other)
    alone = article(topic, 11)
    found = {one.pk: (one.duplicates_total, one.also_in) for one in topic.articles.approved().with_duplicates()}
    assert found == {root.pk: (5, 2), pasted.pk: (1, 1), alone.pk: (0, 0)}


def test_the_best_duplicate_takes_the_place_of_a_root_that_no_longer_passes(topic: Topic) -> None:
    read = timezone.now()
    root = article(topic, 1, read_at=read)
    good, best = duplicate(root, 2, topic), duplicate(root, 3, topic, quality=0.9)
    root.decision = Decision.FILTERED_RELEVANCE
    root.save(update_fields=["decision"])
    run_id = uuid4()
    assert mend_clusters(topic, run_id=run_id) == 1
    for one in (good, best):
        one.refresh_from_db()
    assert (best.decision, best.duplicate_of_id, best.read_at, best.run) == (Decision.APPROVED, None, read, run_id)
    assert best.reasons == {"relevance": {"reason": "2 × heat pump"}}
    assert (good.decision, good.duplicate_of_id) == (Decision.DUPLICATE, best.pk)
    assert mend_clusters(topic) == 0


def test_duplicates_that_do_not_pass_either_are_decided_by_their_scores(topic: Topic) -> None:
    root = article(topic, 1, Decision.REJECTED_QUALITY)
    off_topic, poor = duplicate(root, 2, topic, relevance=0.1), duplicate(root, 3, topic, quality=0.2)
    assert mend_clusters(topic) == 0
    for one in (off_topic, poor):
        one.refresh_from_db()
    assert (off_topic.decision, off_topic.duplicate_of) == (Decision.FILTERED_RELEVANCE, None)
    assert poor.decision == Decision.REJECTED_QUALITY


def test_duplicates_of_a_deleted_root_form_a_new_story(topic: Topic) -> None:
    root = article(topic, 1)
    first, second = duplicate(root, 2, topic), duplicate(root, 3, topic)
    far = duplicate(root, 4, topic, simhash=-1)
    root.delete()
    assert mend_clusters(topic) == 2
    decisions = {one.pk: (one.decision, one.duplicate_of_id) for one in topic.articles.all()}
    assert decisions == {
        first.pk: (Decision.APPROVED, None),
        second.pk: (Decision.DUPLICATE, first.pk),
        far.pk: (Decision.APPROVED, None),  # near to the root, not to the others
    }


def test_clusters_that_are_whole_are_left_alone(topic: Topic) -> None:
    root = article(topic, 1)
    copy = duplicate(root, 2, topic)
    before = copy.decided_at
    assert mend_clusters(topic) == 0
    copy.refresh_from_db()
    assert (copy.duplicate_of_id, copy.decided_at) == (root.pk, before)


def decide(one: Article, verdict: Verdict) -> Decided:
    return Decided(candidate=Candidate(id=one.pk, url=one.url), verdict=verdict)


def test_a_root_and_its_duplicate_may_be_saved_in_one_batch(topic: Topic) -> None:
    root, copy = (article(topic, number, Decision.PENDING, decided_at=None) for number in (1, 2))
    batch = [
        decide(copy, Verdict(decision=Decision.DUPLICATE, duplicate_of=root.pk)),
        decide(root, Verdict(decision=Decision.APPROVED)),
    ]
    assert save_decisions(batch, uuid4()) == 2
    copy.refresh_from_db()
    assert copy.duplicate_of_id == root.pk


@pytest.mark.parametrize("fate", ["deleted", "rejected meanwhile"])
def test_a_duplicate_of_what_is_gone_stays_pending(topic: Topic, fate: str) -> None:
    root, copy = article(topic, 1), article(topic, 2, Decision.PENDING, decided_at=None)
    if fate == "deleted":
        root.delete()
    else:
        Article.objects.filter(pk=root.pk).update(decision=Decision.REJECTED_QUALITY)
    verdict = Verdict(decision=Decision.DUPLICATE, duplicate_of=root.pk or 1)
    assert save_decisions([decide(copy, verdict)], uuid4()) == 0
    copy.refresh_from_db()
    assert copy.decision == Decision.PENDING


def test_the_stories_a_run_knows_are_the_approved_ones_of_its_topic(topic: Topic) -> None:
    root = article(topic, 1, declared_url="https://www.news.example/story")
    duplicate(root, 2, topic)
    article(topic, 3, Decision.REJECTED_QUALITY)
    article(topic, 4, simhash=None)
    [known] = recent_stories(topic.pk)
    assert known.id == root.pk
    assert set(known.addresses) == {root.canonical_url, "https://www.news.example/story"}

"""The demo site: the same everywhere, varied enough, and growing."""

import itertools
from collections import Counter

import pytest

from ingest.decisions import Failure
from ingest.demo_site import DemoSite, Kind, Pace, all_entries, entries
from ingest.demo_site.articles import PUBLICATIONS
from ingest.duplicates.dedupe import MAX_DISTANCE, distance
from ingest.duplicates.fingerprints import fingerprint
from ingest.fetching.feeds import parse_feed
from ingest.fetching.fetch import Bounds, Fetcher
from ingest.fetching.guard import FetchError

AT_ONCE = Pace(latency=(0, 0), slow=0, drip=0.02)


def test_the_first_edition_has_two_hundred_entries_of_every_kind() -> None:
    assert len(entries("energy", 1)) == 200
    assert {entry.kind for entry in entries("energy", 1)} == set(Kind)


def test_each_further_edition_adds_a_few_and_keeps_the_rest() -> None:
    first, second = list(all_entries("energy", 1)), list(all_entries("energy", 2))
    assert second[: len(first)] == first
    assert 5 <= len(second) - len(first) <= 20


@pytest.mark.parametrize("world", sorted(PUBLICATIONS))
def test_every_entry_has_its_own_address(world: str) -> None:
    paths = [entry.path for entry in all_entries(world, 5)]
    assert len(set(paths)) == len(paths)
    assert all(path.isascii() and len(path) < 120 for path in paths)


def test_articles_have_200_to_700_words() -> None:
    for entry in all_entries("energy", 3):
        if entry.kind == Kind.ARTICLE:
            assert 200 <= len(" ".join(entry.story.paragraphs).split()) <= 700


def test_texts_are_told_apart_and_copies_are_not() -> None:
    prints = {
        entry: fingerprint("\n".join(entry.story.paragraphs)) or 0
        for entry in entries("energy", 1)
        if entry.kind in {Kind.ARTICLE, Kind.COPY, Kind.NEAR_COPY}
    }
    pairs = Counter(
        distance(prints[one], prints[other]) <= MAX_DISTANCE
        for one, other in itertools.combinations([entry for entry in prints if entry.kind == Kind.ARTICLE], 2)
    )
    assert pairs[True] <= pairs.total() / 2000
    originals = {entry.number: prints[entry] for entry in prints if entry.kind == Kind.ARTICLE}
    for entry in prints:
        if entry.kind != Kind.ARTICLE:
            assert distance(prints[entry], originals[entry.number]) <= MAX_DISTANCE


async def test_feeds_list_every_entry_over_real_http() -> None:
    with DemoSite(port=0, edition=2, pace=AT_ONCE) as site:
        async with Fetcher() as fetcher:
            found = set()
            for url in site.feed_urls("energy"):
                fetched = await fetcher.feed(url)
                feed = parse_feed(fetched.body, fetched.url, fetched.content_type)
                found |= {entry.url.partition("?")[0] for entry in feed.entries}
                assert (await fetcher.feed(url, etag=fetched.etag)).status == 304
    assert found == {site.entry_url(entry) for entry in all_entries("energy", 2)}


async def test_trouble_is_as_announced() -> None:
    codes = {
        Kind.MISSING: Failure.NOT_FOUND, Kind.ERROR: Failure.HTTP_ERROR, Kind.PDF: Failure.BAD_CONTENT,
        Kind.DRIP: Failure.TIMEOUT,
    }  # fmt: skip
    with DemoSite(port=0, pace=AT_ONCE) as site:
        async with Fetcher(Bounds(seconds=3)) as fetcher:
            for kind, code in codes.items():
                entry = next(entry for entry in entries("energy", 1) if entry.kind == kind)
                with pytest.raises(FetchError) as failed:
                    await fetcher.page(site.entry_url(entry))
                assert failed.value.code == code


async def test_a_closed_site_is_refused_by_the_guard_again() -> None:
    with DemoSite(port=0, pace=AT_ONCE) as site:
        url = site.feed_urls("energy")[0]
    async with Fetcher() as fetcher:
        with pytest.raises(FetchError):
            await fetcher.feed(url)

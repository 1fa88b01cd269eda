"""From the address of a site to its feeds: what its page names, else where feeds usually are."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from asgiref.sync import async_to_sync
from django.utils.translation import gettext as _
from lxml import etree, html

from ingest.children import AnalysisError, in_child
from ingest.decisions import Failure
from ingest.fetching.feeds import NotAFeed, parse_feed
from ingest.fetching.fetch import Fetched, Fetcher
from ingest.fetching.guard import FetchError
from ingest.reading.text import clip

SECONDS = 45.0
MAX_FOUND = 20
# Where feeds are on sites whose pages do not say so, the likeliest first.
PLACES = ("feed", "feed/", "rss", "rss.xml", "feed.xml", "atom.xml", "index.xml", "feed.json")
_TYPES = {
    "application/rss+xml": "RSS",
    "application/atom+xml": "Atom",
    "application/rdf+xml": "RDF",
    "application/feed+json": "JSON Feed",
    "application/json": "JSON Feed",
    "text/xml": "Feed",
    "application/xml": "Feed",
}


class NothingFound(Exception):
    """No feed could be found; its text says why to the person who asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A feed that an address leads to. `entries` is None for one that a page names and nobody has read."""

    url: str
    title: str = ""
    site_url: str = ""
    kind: str = ""
    entries: int | None = None


def look_for_feeds(url: str) -> list[Found]:
    """`find_feeds` for sync code, with a fetcher of its own."""

    async def look() -> list[Found]:
        async with Fetcher() as fetcher:
            return await find_feeds(url, fetcher)

    return async_to_sync(look)()


async def find_feeds(url: str, fetcher: Fetcher) -> list[Found]:
    """The feeds behind `url`: itself, what its page names, or one at a common place. Never empty.

    Raises NothingFound. Takes 45 s at most.
    """
    try:
        async with asyncio.timeout(SECONDS):
            return await _find(url, fetcher)
    except TimeoutError:
        raise NothingFound(_("Looking for feeds took too long.")) from None
    except FetchError as error:
        raise NothingFound(str(error)) from None


async def _find(url: str, fetcher: Fetcher) -> list[Found]:
    fetched = await fetcher.feed(url)
    feed = await _as_feed(fetched)
    if feed is not None:
        return [feed]
    try:
        named = await in_child(feeds_named_in, fetched.body, fetched.url, fetched.charset)
    except AnalysisError as error:
        raise NothingFound(str(error)) from None
    if named:
        return named
    for place in _places(fetched.url):
        try:
            feed = await _as_feed(await fetcher.feed(place))
        except FetchError as error:
            if error.code in {Failure.NOT_FOUND, Failure.HTTP_ERROR, Failure.BAD_CONTENT, Failure.TOO_LARGE}:
                continue
            break  # the server is in trouble: the next seven questions would not help it
        if feed is not None:
            return [feed]
    raise NothingFound(_("There is no feed at this address, the page names none, and none is at the usual places."))


async def _as_feed(fetched: Fetched) -> Found | None:
    try:
        feed = await in_child(parse_feed, fetched.body, fetched.url, fetched.content_type)
    except (NotAFeed, AnalysisError):
        return None
    return Found(url=fetched.url, title=feed.title, site_url=feed.site_url, entries=len(feed.entries))


def feeds_named_in(body: bytes, url: str, charset: str = "") -> list[Found]:
    """The feeds that a page names in its head, in its order, each address once. Runs in a child."""
    try:
        parser = html.HTMLParser(encoding=charset or None, recover=True, no_network=True)
        root = html.document_fromstring(body, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError, LookupError):
        return []
    named = next((one.get("href", "") for one in root.iter("base")), "")
    base = _join(url, named) or url
    found: dict[str, Found] = {}
    for link in root.iter("link", "a"):
        kind = _TYPES.get(link.get("type", "").partition(";")[0].strip().lower(), "")
        relations = link.get("rel", "").lower().split()
        if not kind or "alternate" not in relations or "stylesheet" in relations:
            continue
        address = _join(base, link.get("href", ""))
        if address and address not in found and len(found) < MAX_FOUND:
            found[address] = Found(url=address, title=clip(link.get("title", ""), 300), site_url=url, kind=kind)
    return list(found.values())


def _places(url: str) -> Sequence[str]:
    """Beside the page itself first (a blog at /blog/ has its feed there), then at the root of its site."""
    parts = urlsplit(url)
    root = f"{parts.scheme}://{parts.netloc}/"
    beside = urljoin(url, "./")
    places = [urljoin(base, place) for base in dict.fromkeys((beside, root)) for place in PLACES]
    return list(dict.fromkeys(places))[:12]


def _join(base: str, address: str) -> str:
    try:
        joined = urljoin(base, address.strip()) if address.strip() else ""
        parts = urlsplit(joined)
        return joined if parts.scheme in {"http", "https"} and parts.hostname and len(joined) <= 1000 else ""
    except ValueError:
        return ""

"""RSS, Atom and RDF as they are in the wild: which entries a feed lists. Runs in a child process, like all
parsing.
"""

import io
import re
from calendar import timegm
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

import feedparser

from .text import clip

MAX_ENTRIES = 2_000
_TAG = re.compile(r"<[^>]*>")


class NotAFeed(ValueError):
    """The document is no feed we can read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One item of a feed."""

    url: str
    title: str = ""
    author: str = ""
    published_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Feed:
    """A feed's name and its entries, in the order of the document, each address once."""

    title: str
    entries: tuple[Entry, ...]


def parse_feed(body: bytes, url: str, content_type: str = "") -> Feed:
    """Read the feed in `body` that was found at `url`. Raises NotAFeed.

    Links are made absolute against xml:base where there is one, else against the feed's own address.
    """
    headers = {"content-location": url}
    if content_type:
        headers["content-type"] = content_type
    parsed = feedparser.parse(
        io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
    )
    if not parsed.get("version") and not parsed.entries:
        raise NotAFeed("This address answers with something that is no feed.")
    entries: dict[str, Entry] = {}
    for raw in parsed.entries[:MAX_ENTRIES]:
        link = _link(raw, url)
        if link and link not in entries:
            entries[link] = Entry(
                url=link,
                title=_plain(raw.get("title", "")),
                author=clip(raw.get("author", "") or "", 300),
                published_at=_date(raw),
            )
    return Feed(title=clip(_plain(parsed.feed.get("title", "")), 300), entries=tuple(entries.values()))


def _link(entry: Any, feed_url: str) -> str:
    """The address of the entry's page: its alternate link, else its link, else an id that is an address."""
    links = entry.get("links", [])
    html = [link for link in links if link.get("rel") == "alternate" and "html" in link.get("type", "html")]
    candidates = [link.get("href", "") for link in html] + [entry.get("link", "")]
    if entry.get("guidislink"):
        candidates.append(entry.get("id", ""))
    # Most feeds' ids are addresses, though only some say so.
    candidates.append(entry.get("id", "") if str(entry.get("id", "")).startswith(("http://", "https://")) else "")
    for candidate in candidates:
        try:
            link = urljoin(feed_url, candidate.strip()) if candidate else ""
            if urlsplit(link).scheme in {"http", "https"} and urlsplit(link).hostname:
                return link
        except ValueError:
            continue
    return ""


def _plain(markup: str) -> str:
    """A title without its markup: `AT&amp;T <b>wins</b>` is "AT&T wins"."""
    return clip(unescape(_TAG.sub("", markup or "")), 500)


def _date(entry: Any) -> datetime | None:
    """When the entry was published, else updated; both in UTC. None when the feed says nothing sensible."""
    for key in ("published_parsed", "updated_parsed"):
        if moment := entry.get(key):
            try:
                return datetime.fromtimestamp(timegm(moment), UTC)
            except (ValueError, OverflowError):
                continue
    return None

"""RSS, Atom, RDF and JSON Feed as they are in the wild: which entries a feed lists. Runs in a child process, like all
parsing.
"""

import io
import re
from calendar import timegm
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from itertools import islice
from typing import Any
from urllib.parse import urljoin, urlsplit

import feedparser
from django.utils.translation import gettext as _

from ingest.reading.text import clip

from . import json_feed

MAX_ENTRIES = 2_000
# Scripts go with what is in them; "a < b > c" is no tag.
_ENTRY_END = re.compile(rb"</(?:item|entry)\s*>")
_TAG = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|</?[a-z][^<>]*>|<![a-z][^<>]*>", re.IGNORECASE | re.DOTALL)


class NotAFeed(ValueError):
    """The document is no feed we can read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One item of a feed. `id` is the feed's own name for it, often an address."""

    url: str
    title: str = ""
    author: str = ""
    published_at: datetime | None = None
    id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Feed:
    """A feed's name, the page it is the feed of, and its entries, in the order of the document, each address once."""

    title: str
    entries: tuple[Entry, ...]
    site_url: str = ""


def parse_feed(body: bytes, url: str, content_type: str = "") -> Feed:
    """Read the feed in `body` that was found at `url`: RSS, Atom, RDF, CDF or JSON Feed. Raises NotAFeed.

    Links are made absolute against xml:base where there is one, else against the feed's own address. Entries without
    a web address are left out: there is no page to read.
    """
    try:
        title, site_url, entries = read_entries(_with_first_entries(body), url, content_type)
    except NotAFeed:
        raise
    except Exception:
        # Parsers raise what they like on what is broken enough: that is the feed's failure, not the collection's.
        raise NotAFeed(_("This feed is too broken to be read.")) from None
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry.url:
            found.setdefault(entry.url, entry)
    return Feed(title=clip(title, 300), site_url=site_url, entries=tuple(found.values()))


def _with_first_entries(body: bytes) -> bytes:
    """`body` with MAX_ENTRIES entries at most: reading takes time for each that is there, kept or not."""
    ends = [match.end() for match in islice(_ENTRY_END.finditer(body), MAX_ENTRIES + 1)]
    if len(ends) <= MAX_ENTRIES:
        return body
    last = max(body.rfind(b"</item"), body.rfind(b"</entry"), ends[MAX_ENTRIES - 1])
    rest = _ENTRY_END.match(body, last)
    return body[: ends[MAX_ENTRIES - 1]] + body[rest.end() if rest else last :]


def read_entries(body: bytes, url: str, content_type: str = "") -> tuple[str, str, list[Entry]]:
    """The feed's title, its site's address, and every entry, those without an address included. Raises NotAFeed."""
    if "json" in content_type or body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _from_json(body, url)
    # Not told where it was found: it would make absolute addresses of ids, too, and an id is to stay as it is.
    headers = {"content-type": content_type} if content_type else {}
    parsed = feedparser.parse(
        io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
    )
    if not parsed.get("version") and not parsed.entries:
        raise NotAFeed(_("This address answers with something that is no feed."))
    entries = [
        Entry(
            url=_link(raw, url),
            title=_plain(raw.get("title", "")),
            author=clip(raw.get("author", "") or "", 300),
            published_at=_date(raw),
            id=clip(raw.get("id", "") or "", 500),
        )
        for raw in parsed.entries[:MAX_ENTRIES]
    ]
    return _plain(parsed.feed.get("title", "")), _absolute(parsed.feed.get("link", ""), url), entries


def _from_json(body: bytes, url: str) -> tuple[str, str, list[Entry]]:
    try:
        document = json_feed.read_json_feed(body)
    except ValueError:
        raise NotAFeed(_("This address answers with JSON that is no feed.")) from None
    entries = []
    for item in document["items"][:MAX_ENTRIES]:
        if not isinstance(item, dict):
            continue
        id = json_feed.text_of(item, "id").strip()
        # The address of a link blog's entry is its own page, not what it points to. Most ids are addresses.
        candidates = (
            json_feed.text_of(item, "url"),
            id if _is_web(id) else "",
            json_feed.text_of(item, "external_url"),
        )
        entries.append(
            Entry(
                url=next((found for one in candidates if (found := _absolute(one, url))), ""),
                title=_plain(json_feed.text_of(item, "title")),
                author=clip(json_feed.author_of(item), 300),
                published_at=json_feed.date_of(item),
                id=clip(id, 500),
            )
        )
    title = _plain(json_feed.text_of(document, "title"))
    return title, _absolute(json_feed.text_of(document, "home_page_url"), url), entries


def _link(entry: Any, feed_url: str) -> str:
    """The address of the entry's page: its alternate link, else its link, else an id that is an address."""
    links = entry.get("links", [])
    html = [link for link in links if link.get("rel") == "alternate" and "html" in link.get("type", "html")]
    candidates = [link.get("href", "") for link in html] + [entry.get("link", "")]
    # Most feeds' ids are addresses, though only some say so.
    id = str(entry.get("id", ""))
    candidates.append(id if entry.get("guidislink") or _is_web(id) else "")
    return next((found for one in candidates if (found := _absolute(one, feed_url))), "")


def _is_web(address: str) -> bool:
    return address.startswith(("http://", "https://"))


def _absolute(address: str, feed_url: str) -> str:
    """`address` in full; "" for what is no address of the web."""
    try:
        found = urljoin(feed_url, address.strip()) if address else ""
        return found if _is_web(found) and urlsplit(found).hostname else ""
    except ValueError:
        return ""


def _plain(markup: str) -> str:
    """A title without its markup: `AT&amp;T <b>wins</b>` is "AT&T wins"."""
    return clip(unescape(_TAG.sub("", markup or "")), 500)


def _date(entry: Any) -> datetime | None:
    """When the entry was published, else updated, else made; in UTC. None when the feed says nothing sensible."""
    for key in ("published_parsed", "updated_parsed", "created_parsed"):
        if moment := entry.get(key):
            try:
                return datetime.fromtimestamp(timegm(moment), UTC)
            except (ValueError, OverflowError):
                continue
    return None

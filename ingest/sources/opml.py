"""OPML: the format in which feed readers hand over their subscriptions. Reading it happens in a child process."""

from typing import Any

from django.utils.translation import gettext as _
from lxml import etree

from ingest.reading.text import clip


def read_opml(body: bytes) -> list[dict[str, str]]:
    """Every subscription in `body` as `url`, `title` and `folder` (News/Europe), those without an address included.

    Files that are not well-formed give what can be read; entities are not expanded.
    """
    import listparser  # it loads a second HTTP client, and only the children that read lists want it

    found = listparser.parse(body)
    feeds = [
        {
            "url": feed["url"],
            "title": clip(feed["title"], 300),
            "folder": clip("/".join(filter(None, feed["categories"][-1])) if feed["categories"] else "", 100),
        }
        for feed in found["feeds"]
    ]
    # What the library takes for a folder, or for nothing, and is a subscription without an address all the same.
    return feeds + [{"url": "", "title": clip(_words(outline), 300)} for outline in _without_address(body)]


def _without_address(body: bytes) -> list[Any]:
    """Outlines with no address of a feed that hold no others: no folders, then."""
    parser = etree.HTMLParser(recover=True, no_network=True)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return []
    outlines = [] if root is None else root.iter("outline")
    return [one for one in outlines if not one.get("xmlurl", "").strip() and one.find(".//outline") is None]


def _words(outline: Any) -> str:
    named = outline.get("text") or outline.get("title") or ""
    page = outline.get("htmlurl") or outline.get("url") or ""
    return " ".join(filter(None, (named, page))) or _("an outline without a name")

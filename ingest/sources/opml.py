"""OPML: the format in which feed readers hand over their subscriptions. Reading it happens in a child process."""

import re
from collections.abc import Iterable
from typing import Any

import listparser
from lxml import etree

from ingest.text import clip

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")  # what XML cannot say


def read_opml(body: bytes) -> list[dict[str, str]]:
    """Every subscription in `body` as `url`, `title` and `folder` (News/Europe), those without an address included.

    Files that are not well-formed give what can be read; entities are not expanded.
    """
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


def write_opml(sources: Iterable[Any], *, title: str) -> str:
    """An OPML 2.0 document of `sources` (rows with url, title, site_url and folder), folders as nested outlines."""
    root = etree.Element("opml", version="2.0")
    etree.SubElement(etree.SubElement(root, "head"), "title").text = _sayable(title)
    folders: dict[str, Any] = {"": etree.SubElement(root, "body")}
    for source in sources:
        place = _folder(folders, source.folder)
        named = _sayable(source.title or source.url)
        outline = etree.SubElement(place, "outline", type="rss", text=named, title=named, xmlUrl=_sayable(source.url))
        if source.site_url:
            outline.set("htmlUrl", _sayable(source.site_url))
    etree.indent(root)
    return etree.tostring(root, encoding="unicode", doctype='<?xml version="1.0" encoding="UTF-8"?>') + "\n"


def _folder(folders: dict[str, Any], path: str) -> Any:
    """The outline of a folder, and of those it is in, made when it is first needed."""
    if path not in folders:
        above, _, name = path.rpartition("/")
        folders[path] = etree.SubElement(_folder(folders, above), "outline", text=_sayable(name))
    return folders[path]


def _sayable(text: str) -> str:
    return _CONTROL.sub("", text)


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
    return " ".join(filter(None, (named, page))) or "an outline without a name"

"""Sources as a list to take elsewhere: OPML for feed readers, CSV for spreadsheets. Both can be imported again."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

from lxml import etree

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")  # what XML cannot say


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


def write_csv(sources: Iterable[Any]) -> str:
    """`url,title,folder` with a header, as it can be imported again."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["url", "title", "folder"])
    writer.writerows((source.url, _no_formula(source.title), _no_formula(source.folder)) for source in sources)
    return out.getvalue()


def _no_formula(text: str) -> str:
    # What begins so is a formula to a spreadsheet, and feeds choose their own titles.
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text

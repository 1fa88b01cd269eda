"""Lists of sources as people have them: pasted addresses, CSV and OPML, read into the same lines."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from django.utils.translation import gettext as _

from ingest.children import AnalysisError, in_child
from ingest.reading.text import clip
from live.numbers import grouped

from .opml import read_opml

MAX_BYTES, MAX_LINES = 5_000_000, 10_000
# What the columns of a CSV are called, by ourselves and by others.
_NAMES = {
    **dict.fromkeys(("url", "feed", "feed url", "feed_url", "xmlurl", "address", "link"), "url"),
    **dict.fromkeys(("title", "name", "text"), "title"),
    **dict.fromkeys(("folder", "category", "group"), "folder"),
}


class UnreadableList(ValueError):
    """The whole list cannot be used; its text says why to the person who sent it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One source of a list. `number` is its place, from 1; without a `url`, `title` is whatever stood there."""

    number: int
    url: str
    title: str = ""
    folder: str = ""

    def as_json(self) -> dict[str, Any]:
        """As it is kept in a run's arguments."""
        return {key: value for key, value in asdict(self).items() if value != ""}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The same line back."""
        return cls(**{"url": "", **data})


async def read_list(body: bytes) -> list[Line]:
    """The lines of `body`: OPML when it looks like markup, CSV when its lines have columns, else one address a line.

    Raises UnreadableList for what is too long, or no list at all.
    """
    if len(body) > MAX_BYTES:
        raise UnreadableList(_("This is larger than %(most)s MB. Split it.") % {"most": MAX_BYTES // 1_000_000})
    if body.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<"):
        try:
            found = await in_child(read_opml, body)
        except AnalysisError:
            raise UnreadableList(_("This file could not be read as OPML: it took too much computing time.")) from None
        lines = [Line(number=number, **outline) for number, outline in enumerate(found, start=1)]
        if not lines:
            raise UnreadableList(_("There is no feed in this file. An OPML file lists feeds as <outline xmlUrl=…>."))
    else:
        lines = list(read_text(decode(body)))
        if not lines:
            raise UnreadableList(_("There is no address in this list."))
    if len(lines) > MAX_LINES:
        said = _("This list has %(number)s lines; %(most)s at most are taken at once. Split it.")
        raise UnreadableList(said % {"number": grouped(len(lines)), "most": grouped(MAX_LINES)})
    return lines


def read_text(text: str) -> Iterator[Line]:
    """CSV with or without a header, or one address a line. Empty lines and those that begin with # are left out."""
    separator = _separator(text)
    rows = csv.reader(io.StringIO(text.replace("\x00", "")), delimiter=separator) if separator else _plain_rows(text)
    columns: dict[str, int] | None = None
    try:
        for row in rows:
            number = getattr(rows, "line_num", None) or int(row.pop())
            cells = [cell.strip() for cell in row]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if columns is None:
                columns = _header(cells)
                if columns is not None:
                    continue
                columns = _guess(cells)
            yield _line(number, cells, columns)
    except csv.Error as error:
        raise UnreadableList(_("This CSV cannot be read: %(error)s.") % {"error": error}) from None


def decode(body: bytes) -> str:
    """The text in `body`, in the encodings that spreadsheets write."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", errors="replace")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp1252", errors="replace")


def _plain_rows(text: str) -> Iterator[list[str]]:
    for number, line in enumerate(text.replace("\x00", "").splitlines(), start=1):
        yield [line, str(number)]


def _separator(text: str) -> str:
    """What stands between the columns; "" for a list that has none."""
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    for separator in ("\t", ";", ","):
        cells = [cell.strip().strip('"').casefold() for cell in first.split(separator)]
        # An address may contain commas and semicolons: a column boundary has an address or a known name beside it.
        if len(cells) > 1 and (any(cell in _NAMES for cell in cells) or sum(_is_web(cell) for cell in cells) == 1):
            return separator
    return ""


def _header(cells: Sequence[str]) -> dict[str, int] | None:
    names = {
        _NAMES[cell.casefold()]: place for place, cell in reversed(list(enumerate(cells))) if cell.casefold() in _NAMES
    }
    return names if "url" in names and not any(map(_is_web, cells)) else None


def _guess(cells: Sequence[str]) -> dict[str, int]:
    """Without a header: the address where one stands, and the others in the order title, folder."""
    url = next((place for place, cell in enumerate(cells) if _is_web(cell)), 0)
    return {"url": url, **dict(zip(("title", "folder"), (n for n in range(3) if n != url), strict=False))}


def _line(number: int, cells: Sequence[str], columns: dict[str, int]) -> Line:
    values = {name: cells[place] if place < len(cells) else "" for name, place in columns.items()}
    title = values.get("title", "") if values["url"] else ", ".join(filter(None, cells))
    return Line(number=number, url=values["url"], title=clip(title, 300), folder=clip(values.get("folder", ""), 100))


def _is_web(cell: str) -> bool:
    return cell.casefold().startswith(("http://", "https://"))

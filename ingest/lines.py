"""Numbered lines of a text or a file that people made with whatever they had: encodings, line ends, tables."""

import codecs
import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO

from django.utils.translation import gettext as _

# What people, and other programs, call the column.
_NAMES = frozenset(
    {"url", "urls", "link", "links", "address", "addresses", "href", "uri", "web address", "page", "loc"}
)
_DELIMITERS = ",;\t|"
_SAMPLE = 200  # rows by which a table is judged
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """What stands in line `number`, counted from 1 as an editor does."""

    number: int
    text: str


def lines_of_text(text: str) -> list[Line]:
    """The lines of a pasted text; of a table, such as one copied from a spreadsheet, the column of addresses."""
    text = _plain(text)
    rows = text.split("\n")
    first = next((row for row in rows if row.strip()), "")
    # An address may hold commas: what was pasted is a table if it says so, or comes from a spreadsheet.
    delimiter = "\t" if "\t" in first else _delimiter_of_header(first)
    table = _column_of(text, delimiter) if delimiter else None
    return table if table is not None else [Line(number=at, text=row) for at, row in enumerate(rows, start=1)]


def lines_of_file(body: bytes, name: str = "") -> list[Line]:
    """The same of a file; one whose name ends in .csv or .tsv is a table without saying so."""
    text = _plain(decoded(body))
    if not name.lower().endswith((".csv", ".tsv")):
        return lines_of_text(text)
    table = _column_of(text, _delimiter_of(text))
    return table if table is not None else lines_of_text(text)


def decoded(body: bytes) -> str:
    """The text of a file: by its byte order mark, as UTF-16 that lacks one, as UTF-8, or as Windows writes it."""
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace")
    start = body[:2000]
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        half = start[offset::2]
        # Latin letters in UTF-16: every other byte is zero.
        if len(half) > 3 and half.count(0) > 0.8 * len(half):
            return body.decode(encoding, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")


def _plain(text: str) -> str:
    return text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")


def _delimiter_of_header(first: str) -> str:
    """What parts the columns of a first line that names one of ours; nothing if it does not."""
    for delimiter in _DELIMITERS:
        if delimiter in first and any(_is_name(cell) for cell in first.split(delimiter)):
            return delimiter
    return ""


def _delimiter_of(text: str) -> str:
    """What parts the columns of a table: the sign that most of the first lines have, a comma if none has any."""
    rows = [row for row in text.split("\n", _SAMPLE)[:_SAMPLE] if row.strip()]
    if rows and (named := _delimiter_of_header(rows[0])):
        return named
    having = Counter(sign for row in rows for sign in _DELIMITERS if sign in row)
    return max(_DELIMITERS, key=lambda sign: having[sign])


def _column_of(text: str, delimiter: str) -> list[Line] | None:
    """The column of addresses, found by its name, else by what stands in it; None when no column is."""
    rows = list(_rows(text, delimiter))
    filled = [cells for _, cells in rows[:_SAMPLE] if any(cell.strip() for cell in cells)]
    if not filled:
        return None
    named = next((at for at, cell in enumerate(filled[0]) if _is_name(cell)), None)
    column = named if named is not None else _by_content(filled)
    if column is None:
        return None
    alone = len(filled[0]) == 1  # a single column: a sign inside an address parts nothing
    skipped = named is None  # is the header behind us?
    lines = []
    for number, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if not skipped:
            skipped = True
            continue
        if alone and named is not None:
            lines.append(Line(number=number, text=delimiter.join(cells)))
        else:
            lines.append(Line(number=number, text=cells[column] if column < len(cells) else delimiter.join(cells)))
    return lines


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of the line it begins in. What the parser cannot read is a row of one cell."""
    reader = csv.reader(StringIO(text, newline="\n"), delimiter=delimiter)
    while True:
        number = reader.line_num + 1
        try:
            yield number, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, [_("(line %(number)s cannot be read: %(error)s)") % {"number": number, "error": error}]


def _is_name(cell: str) -> bool:
    return cell.strip().strip('"').casefold().replace("_", " ") in _NAMES


def _by_content(rows: list[list[str]]) -> int | None:
    """The column in which most addresses stand, if there are any."""
    having = Counter(
        at
        for cells in rows
        for at, cell in enumerate(cells)
        if cell.strip().lower().startswith(("http://", "https://"))
    )
    return having.most_common(1)[0][0] if having else None

"""A run's items as a file, a few thousand at a time: also while the run goes on."""

import csv
import json
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import Any

from live.frames import timestamp

from . import ledger
from .item_style import ItemStyle
from .models import TaskItem, TaskRun
from .redaction import redact

_FORMULA = frozenset("=+-@\t\r\n")


def as_csv(run: TaskRun, style: ItemStyle, show: str = "") -> Iterator[str]:
    """A line of names, then one for each item. No spreadsheet takes a text in it for a formula."""
    yield _lines([columns_of(style)])
    for items in _pages(run, show):
        yield _lines([_no_formula(value) for value in row_of(item, style).values()] for item in items)


def as_json(run: TaskRun, style: ItemStyle, show: str = "") -> Iterator[str]:
    """A list of objects."""
    separator = "["
    for items in _pages(run, show):
        yield separator + ",\n".join(json.dumps(row_of(item, style), ensure_ascii=False) for item in items)
        separator = ",\n"
    yield "[]\n" if separator == "[" else "]\n"


def columns_of(style: ItemStyle) -> list[str]:
    """The names of the columns, in order."""
    return [style.key, "outcome", *(style.columns or ("error",)), "at"]


def row_of(item: TaskItem, style: ItemStyle) -> dict[str, Any]:
    """What a file says of one item; plain values."""
    said = item.data if isinstance(item.data, dict) else {}
    given = item.given if isinstance(item.given, dict) else {}
    known = redact(said)
    row = {style.key: said.get(style.key) or given.get(style.key) or item.key, "outcome": item.outcome}
    row |= {name: known.get(name) for name in style.columns} or {"error": item.error}
    return {**row, "at": timestamp(item.at)}


def _pages(run: TaskRun, show: str) -> Iterator[Sequence[TaskItem]]:
    # Page by page, not by a cursor of the database: nothing stays open while a slow reader reads.
    last = 0
    while items := ledger.page_of(run.pk, show=show, after=last, limit=ledger.BATCH):
        last = items[-1].pk
        yield items


def _lines(rows: Any) -> str:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _no_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ")[:1] in _FORMULA else value

"""What a run's page shows of its items: what ended last first, a page at a time, by outcome or label."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import pgettext

from . import access, ledger
from .access import Viewer
from .item_style import ItemLabel, ItemStyle
from .models import TaskItem, TaskRun
from .options import options_of
from .redaction import redact

PAGE_SIZE = 25
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Every task has these, whatever labels its own style has.
_OUTCOMES = {
    TaskItem.Outcome.FAILED: ItemLabel(key="failed", word=TaskItem.Outcome.FAILED.label, icon="failed", tone="bad"),
    TaskItem.Outcome.DONE: ItemLabel(key="done", word=TaskItem.Outcome.DONE.label, icon="completed", tone="good"),
    TaskItem.Outcome.WAITING: ItemLabel(
        key="waiting", word=TaskItem.Outcome.WAITING.label, icon="pending", tone="neutral"
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemTab:
    """One choice above the items."""

    key: str
    word: str
    url: str
    count: int
    current: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemView:
    """One item as it is shown. `data` is what may be shown of what its task remembers of it."""

    row: TaskItem
    badge: ItemLabel
    data: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemPage:
    """Some items of a run. `can_retry`: a button that runs what failed again makes sense."""

    style: ItemStyle
    items: Sequence[ItemView]
    tabs: Sequence[ItemTab]
    show: str
    first_url: str
    next_url: str
    can_retry: bool


def page_of_items(run: TaskRun, viewer: Viewer, query: Mapping[str, str]) -> ItemPage | None:
    """The items that `query` (`items`: an outcome or label, `after`: a place) asks for; None without a ledger."""
    numbers = ledger.numbers_of(run.pk)
    if not numbers:
        return None
    style = options_of(run.task).item_style
    choices = _choices(style, numbers)
    show = query.get("items", "")
    show = show if show in choices else ""
    behind = _place(query.get("after", ""))
    rows = ledger.latest_of(run.pk, show=show, behind=behind, limit=PAGE_SIZE + 1)
    more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    labels = {label.key: label for label in style.labels}
    all_of_them = ItemTab(
        key="all", word=pgettext("items", "All"), url=_url("", ""), count=numbers.total(), current=not show
    )
    return ItemPage(
        style=style,
        items=[_view(row, labels) for row in rows],
        tabs=[
            all_of_them,
            *(
                ItemTab(key=key, word=word, url=_url(key, ""), count=count, current=key == show)
                for key, (word, count) in choices.items()
            ),
        ],
        show=show,
        first_url=_url(show, "") if behind is not None else "",
        next_url=_url(show, _cursor(rows[-1])) if more else "",
        can_retry=run.is_final and bool(choices["failed"][1]) and access.may_control(viewer, run),
    )


def _choices(style: ItemStyle, numbers: Counter[tuple[str, str]]) -> dict[str, tuple[str, int]]:
    """What can be chosen: the words and the number of each label, then of what failed and waits."""
    by_outcome: Counter[str] = Counter()
    by_label: Counter[str] = Counter()
    for (outcome, label), number in numbers.items():
        by_outcome[outcome] += number
        by_label[label] += number
    found = {label.key: (str(label.word), by_label[label.key]) for label in style.labels}
    for outcome, shown in _OUTCOMES.items():
        needless = (outcome == TaskItem.Outcome.DONE and style.labels) or (
            outcome == TaskItem.Outcome.WAITING and not by_outcome[outcome]
        )
        if not needless:
            found[outcome.value] = (str(shown.word), by_outcome[outcome])
    return found


def _view(row: TaskItem, labels: Mapping[str, ItemLabel]) -> ItemView:
    badge = labels.get(row.label) or _OUTCOMES[TaskItem.Outcome(row.outcome)]
    return ItemView(row=row, badge=badge, data=redact(row.data) if isinstance(row.data, dict) else {})


def _cursor(row: TaskItem) -> str:
    return f"{(row.at - _EPOCH) // timedelta(microseconds=1)}.{row.pk}"


def _place(text: str) -> tuple[datetime, int] | None:
    """The place a cursor speaks of; None for the first page, and for what was damaged on its way here."""
    parts = text.split(".")
    if len(parts) == 2 and all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        with suppress(OverflowError):
            return _EPOCH + timedelta(microseconds=int(parts[0])), int(parts[1])
    return None


def _url(show: str, after: str) -> str:
    asked = {key: value for key, value in {"items": show, "after": after}.items() if value}
    return f"?{urlencode(asked)}#items"

"""The items of a run on its page, and the button that runs what failed again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.auth.models import User

from . import access, ledger
from .models import TaskItem, TaskRun

PAGE_SIZE = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemPage:
    """Some items of a run. `can_retry`: a button that runs what failed again makes sense."""

    items: Sequence[TaskItem]
    done: int
    failed: int
    outcome: str
    first_url: str
    next_url: str
    can_retry: bool


def page_of_items(run: TaskRun, viewer: User, query: Mapping[str, str]) -> ItemPage | None:
    """The items that `query` (`items`: an outcome, `after`: an id) asks for; None for a run without a ledger."""
    counts = ledger.counts_of(run.pk)
    if not any(counts.values()):
        return None
    outcome = query.get("items", "")
    outcome = outcome if outcome in TaskItem.Outcome.values else ""
    after = query.get("after", "")
    position = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0
    items = ledger.page_of(run.pk, outcome=outcome, after=position, limit=PAGE_SIZE + 1)
    more, items = len(items) > PAGE_SIZE, items[:PAGE_SIZE]
    return ItemPage(
        items=items,
        done=counts["done"],
        failed=counts["failed"],
        outcome=outcome,
        first_url=_url(outcome, 0) if position else "",
        next_url=_url(outcome, items[-1].pk) if more else "",
        can_retry=run.is_final and counts["failed"] > 0 and access.may_control(viewer, run),
    )


def _url(outcome: str, after: int) -> str:
    return (
        "?" + urlencode({key: value for key, value in {"items": outcome, "after": after}.items() if value}) + "#items"
    )

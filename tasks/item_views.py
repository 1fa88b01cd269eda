"""The items of a run on its page, and the button that runs what failed again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from . import access, ledger
from .models import TaskItem, TaskRun
from .presenters import present_run

PAGE_SIZE = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemTab:
    """One choice of outcome above the items."""

    key: str
    word: str
    url: str
    count: int
    current: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemPage:
    """Some items of a run. `can_retry`: a button that runs what failed again makes sense."""

    items: Sequence[TaskItem]
    tabs: Sequence[ItemTab]
    outcome: str
    first_url: str
    next_url: str
    can_retry: bool


@never_cache
@login_required
@require_safe
def run_items(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The items alone: what the page fetches again while the run goes on."""
    run = access.get_visible_run(request.user, run_id)
    user = cast(User, request.user)
    context = {"run": present_run(run, user), **items_context(run, user, request.GET.dict())}
    return render(request, "tasks/partials/items.html", context)


def items_context(run: TaskRun, viewer: User, query: Mapping[str, str]) -> dict[str, Any]:
    """What the partial of items needs besides the run."""
    asked = {key: query[key] for key in ("items", "after") if query.get(key)}
    part = reverse("task-items", args=[run.pk])
    return {
        "items": page_of_items(run, viewer, query),
        "part": f"{part}?{urlencode(asked)}" if asked else part,
    }


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
        tabs=[
            ItemTab(key=key or "all", word=word, url=_url(key, 0), count=count, current=key == outcome)
            for key, word, count in (
                ("", "All", sum(counts.values())),
                (TaskItem.Outcome.FAILED.value, "Failed", counts["failed"]),
                (TaskItem.Outcome.DONE.value, "Done", counts["done"]),
            )
        ],
        outcome=outcome,
        first_url=_url(outcome, 0) if position else "",
        next_url=_url(outcome, items[-1].pk) if more else "",
        can_retry=run.is_final and counts["failed"] > 0 and access.may_control(viewer, run),
    )


def _url(outcome: str, after: int) -> str:
    asked = {key: value for key, value in {"items": outcome, "after": after}.items() if value}
    return f"?{urlencode(asked)}#items"

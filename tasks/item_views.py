"""The items of a run on its page, and the button that runs what failed again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from . import access, ledger, lifecycle
from .exceptions import AlreadyRunning, TaskManagerError
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


@login_required
@require_POST
def run_retry_failed(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Run what failed again, and go to the new run."""
    user = cast(User, request.user)
    run = access.get_visible_run(user, run_id)
    if not access.may_control(user, run):
        return render(request, "403.html", status=403)
    try:
        again = lifecycle.retry_failed_items(run, by=user)
    except AlreadyRunning as busy:
        messages.warning(request, "This is running already; here it is.")
        return redirect("task-detail", busy.run_id)
    except TaskManagerError as refused:
        messages.error(request, str(refused))
        return redirect(run)
    messages.success(request, f"“{again.name}” runs again for what failed.")
    return redirect(again)


def _url(outcome: str, after: int) -> str:
    return (
        "?" + urlencode({key: value for key, value in {"items": outcome, "after": after}.items() if value}) + "#items"
    )

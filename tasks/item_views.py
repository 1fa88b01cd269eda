"""The items of a run on its page."""

from collections.abc import Mapping
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

from . import access
from .item_pages import page_of_items
from .models import TaskRun
from .presenters import present_run


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
    part = reverse("tasks:items", args=[run.pk])
    return {
        "items": page_of_items(run, viewer, query),
        "part": f"{part}?{urlencode(asked)}" if asked else part,
    }

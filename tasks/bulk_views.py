"""Asking before everything that matches is cancelled or retried, and starting it."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from . import bulk
from .bulk import Action
from .exceptions import NumberChanged
from .pages import Filters
from .presenters import WORDS


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def run_bulk(request: HttpRequest, action: str) -> HttpResponse:
    """GET counts and asks; POST freezes what matches and starts the run that does it."""
    if action not in Action:
        raise Http404("No such action.")
    user, chosen = cast(User, request.user), Action(action)
    # Of a POST only its body counts: a filter lost on the way must not become "everything".
    filters = Filters.of((request.POST if request.method == "POST" else request.GET).dict())
    changed = False
    if request.method == "POST":
        try:
            run = bulk.start(user, filters, chosen, expected=_expected(request))
        except NumberChanged:
            changed = True
        else:
            messages.success(request, f"“{run.name}” is on its way.")
            return redirect(run)
    context = {
        "action": chosen.value,
        "filters": filters,
        "status_word": WORDS[filters.status][0] if filters.status else "",
        "count": bulk.count(user, filters, chosen),
        "most": bulk.MOST,
        "changed": changed,
    }
    return render(request, "tasks/bulk.html", context, status=409 if changed else 200)


def _expected(request: HttpRequest) -> int:
    text = request.POST.get("expected", "")
    return int(text) if text.isdecimal() and len(text) < 9 else 0

"""Asking before everything that matches is cancelled or retried, and starting it."""

from dataclasses import replace
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from live.limits import Kind, limited

from . import bulk
from .bulk import Action
from .exceptions import NumberChanged
from .filters import KEYS, Filters
from .pages import LABELS, list_url
from .presenters import WORDS_OF_MANY


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@limited(Kind.CONTROL)
def run_bulk(request: HttpRequest, action: str) -> HttpResponse:
    """GET counts and asks; POST freezes what matches and starts the run that does it."""
    if action not in Action:
        raise Http404(_("No such action."))
    user, chosen = cast(User, request.user), Action(action)
    # Of a POST only its body counts: a filter lost on the way must not become "everything".
    filters = _sent(request.POST) if request.method == "POST" else Filters.of(request.GET, also=["after"])
    filters = filters.frozen(timezone.now())
    changed = False
    if request.method == "POST" and not filters.wrong:
        try:
            run = bulk.start(user, filters, chosen, expected=_expected(request))
        except NumberChanged:
            changed = True
        else:
            messages.success(request, _("“%(name)s” is on its way.") % {"name": run.name})
            return redirect(run)
    context = {
        "action": chosen.value,
        "filters": filters,
        "status_words": _(" or ").join(str(WORDS_OF_MANY[status]) for status in filters.statuses),
        "count": None if filters.wrong else bulk.count(user, filters, chosen),
        "sent": [(key, filters.asked.get(key, "")) for key in KEYS],
        "wrong": [(str(LABELS.get(key, key)), sentence) for key, sentence in filters.wrong.items()],
        "back_url": list_url(filters),
        "most": bulk.MOST,
        "changed": changed,
    }
    return render(request, "tasks/bulk.html", context, status=422 if filters.wrong else 409 if changed else 200)


def _sent(form: QueryDict) -> Filters:
    """The filter that came with the number. A part that is not there was lost on the way, and then nothing is sure."""
    filters = Filters.of(form, also=["expected", "csrfmiddlewaretoken"])
    lost = dict.fromkeys([key for key in KEYS if key not in form], _("got lost on the way: go back to the list."))
    return replace(filters, wrong={**filters.wrong, **lost})


def _expected(request: HttpRequest) -> int:
    text = request.POST.get("expected", "")
    return int(text) if text.isdecimal() and len(text) < 9 else 0

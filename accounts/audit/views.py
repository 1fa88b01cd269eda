"""The page of the audit trail, for staff."""

from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .listing import Filters, find, may_read, position_of
from .presenters import present
from .words import ACTIONS

PAGE_SIZE = 50
LABELS = {
    "who": _("Who"),
    "thing": _("Id of what it was done to"),
    "address": _("From the address"),
    "since": _("From the time"),
    "until": _("Before"),
    "action": _("What"),
}


@never_cache
@login_required
@require_safe
def entry_list(request: HttpRequest) -> HttpResponse:
    """Entries that match, newest first."""
    if not may_read(request.user):
        raise PermissionDenied
    filters, after = Filters.of(request.GET), None
    with suppress(ValueError):  # damaged on its way here: the first page
        after = position_of(request.GET["after"]) if request.GET.get("after") else None
    entries, cursor = find(filters, limit=PAGE_SIZE, after=after)
    page = {
        "entries": [present(entry) for entry in entries],
        "asked": filters.asked,
        "any": bool(filters.asked),
        "wrong": [(str(LABELS[key]), sentence) for key, sentence in filters.wrong.items()],
        "actions": sorted(((key, str(words)) for key, words in ACTIONS.items()), key=lambda one: one[1]),
        "fields": [_field(filters, key) for key in ("who", "thing", "address", "since", "until")],
        "next_url": _address({**filters.asked, "after": cursor}) if cursor else "",
        "first_url": _address(filters.asked) if after is not None else "",
    }
    return render(request, "accounts/audit.html", {"page": page}, status=422 if filters.wrong else 200)


def _field(filters: Filters, key: str) -> dict[str, Any]:
    wrong = filters.wrong.get(key, "")
    # A field for times would hide what is wrong.
    kind = "datetime-local" if key in {"since", "until"} and not wrong else "text"
    return {"name": key, "label": LABELS[key], "value": filters.asked.get(key, ""), "error": wrong, "kind": kind}


def _address(asked: dict[str, str]) -> str:
    query = urlencode(asked)
    return f"{reverse('audit-list')}?{query}" if query else reverse("audit-list")

"""429 for a person: the page that says how long to wait, with what was typed. Programs keep their JSON.

Every answer to a request that was counted says in its headers how much is left.
"""

import json
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.decorators import sync_and_async_middleware
from django.utils.translation import ngettext

from live.limits import headers_of
from live.middleware import Handler

FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
CSRF_FIELD = "csrfmiddlewaretoken"


@sync_and_async_middleware
def too_many_requests_middleware(get_response: Handler) -> Handler:
    """Draws a page of a 429 that is JSON where HTML was asked for rather; status and Retry-After stay."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponseBase:
            response = await get_response(request)
            if response.status_code == 429:
                response = await sync_to_async(_as_page)(request, response)
            return _with_headers(request, response)

        return later

    def at_once(request: HttpRequest) -> HttpResponseBase:
        response = cast(HttpResponseBase, get_response(request))
        return _with_headers(request, _as_page(request, response) if response.status_code == 429 else response)

    return at_once


def _as_page(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if not response.headers.get("Content-Type", "").startswith("application/json"):
        return response
    patch_vary_headers(response, ["Accept"])
    # JSON first: whoever takes anything is a program.
    if request.get_preferred_type(["application/json", "text/html"]) != "text/html":
        return response
    seconds = response.headers.get("Retry-After", "")
    context = {
        "message": _message_of(response),
        "wait": in_words(int(seconds)) if seconds.isdecimal() else "",
        **_what_was_sent(request),
    }
    page = HttpResponse(render_to_string("429.html", context), status=429)
    page.headers["Retry-After"] = seconds
    patch_vary_headers(page, ["Accept"])
    return page


def _with_headers(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    for name, value in headers_of(request).items():
        response.headers[name] = value
    return response


def _what_was_sent(request: HttpRequest) -> dict[str, Any]:
    """The form, to be sent again by a button; of a request that was counted, for only those never hold a password."""
    if not hasattr(request, "rate_limit") or request.method != "POST" or request.content_type not in FORMS:
        return {}
    fields = [(name, value) for name, values in request.POST.lists() for value in values if name != CSRF_FIELD]
    here = {"address": request.get_full_path(), "csrf_token": get_token(request)}
    return {"again": {**here, "fields": fields, "has_files": bool(request.FILES)}}


def _message_of(response: HttpResponseBase) -> str:
    try:
        return str(json.loads(response.content)["error"]["message"])  # type: ignore[attr-defined]
    except (ValueError, KeyError, TypeError):
        return ""


def in_words(seconds: int) -> str:
    """`30 seconds`, `2 minutes`, `1 hour`: rounded up, for who comes back too early is refused again."""
    if seconds < 100:
        return ngettext("%(number)d second", "%(number)d seconds", seconds) % {"number": seconds}
    minutes = -(-seconds // 60)
    if minutes < 100:
        return ngettext("%(number)d minute", "%(number)d minutes", minutes) % {"number": minutes}
    hours = -(-minutes // 60)
    return ngettext("%(number)d hour", "%(number)d hours", hours) % {"number": hours}

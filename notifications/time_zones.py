"""Times on pages are those of the clock of whoever looks at them."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from zoneinfo import ZoneInfo

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware

from .models import NotificationPreferences

logger = logging.getLogger(__name__)

type Handler = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]

# Programs write the zone of a time into it, and nobody reads the others.
WITHOUT = ("/api/", "/healthz", "/favicon.ico")


@sync_and_async_middleware
def time_zone_middleware(get_response: Handler) -> Handler:
    """Times are shown, and times without a zone read, in the zone the person has chosen; else in the site's.

    `request.time_zone` is its name, empty for who has chosen none: for them the browser tells the zone where it can.
    """
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponseBase:
            name = await sync_to_async(chosen_zone)(request)
            with _in_zone(request, name):
                return await get_response(request)

        return later

    def at_once(request: HttpRequest) -> HttpResponseBase:
        with _in_zone(request, chosen_zone(request)):
            return get_response(request)  # type: ignore[return-value]

    return at_once


def chosen_zone(request: HttpRequest) -> str:
    """The name of the zone the person behind `request` has chosen; empty if none, or if it cannot be known."""
    if request.path_info.startswith(WITHOUT):
        return ""
    try:
        if not request.user.is_authenticated:
            return ""
        rows = NotificationPreferences.objects.filter(pk=request.user.pk)
        return rows.values_list("time_zone", flat=True).first() or ""
    except DatabaseError:
        # Whatever needs the database will say so better than a clock could.
        logger.exception("No time zone for %s", request.path_info)
        return ""


def _in_zone(request: HttpRequest, name: str) -> AbstractContextManager[None]:
    zone = None
    if name:
        try:
            zone = ZoneInfo(name)
        except (ValueError, OSError, KeyError):
            name = ""  # known to the machine on which it was chosen, but not to this one
    request.time_zone = name  # type: ignore[attr-defined]
    return timezone.override(zone) if zone else nullcontext()

"""Pages speak the language, and go by the clock, of whoever reads them."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple
from zoneinfo import ZoneInfo

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone, translation
from django.utils.decorators import sync_and_async_middleware

from live.languages import is_spoken
from live.middleware import Handler

from .models import NotificationPreferences

logger = logging.getLogger(__name__)


# Programs write the zone of a time into it, and nobody reads the others.
WITHOUT = ("/api/", "/favicon.ico")


class Reader(NamedTuple):
    """What a person has chosen; empty where they have chosen nothing."""

    time_zone: str = ""
    language: str = ""


@sync_and_async_middleware
def reader_middleware(get_response: Handler) -> Handler:
    """Times are shown, and times without a zone read, in the zone the person has chosen; words in their language.

    `request.time_zone` is its name, empty for who has chosen none: for them the browser tells the zone where it can.
    Who has chosen no language keeps what the browser asked for (Django's LocaleMiddleware, before this one).
    """
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponseBase:
            reader = await sync_to_async(reader_of)(request)
            with _as_chosen(request, reader):
                return _labelled(await get_response(request))

        return later

    def at_once(request: HttpRequest) -> HttpResponseBase:
        with _as_chosen(request, reader_of(request)):
            return _labelled(get_response(request))  # type: ignore[arg-type]

    return at_once


def reader_of(request: HttpRequest) -> Reader:
    """What the person behind `request` has chosen; nothing if it cannot be known."""
    if request.path_info.startswith(WITHOUT):
        return Reader()
    try:
        if not request.user.is_authenticated:
            return Reader()
        rows = NotificationPreferences.objects.filter(pk=request.user.pk)
        chosen = rows.values_list("time_zone", "language").first()
        return Reader(*chosen) if chosen else Reader()
    except DatabaseError:
        # Whatever needs the database will say so better than a clock could.
        logger.exception("Neither zone nor language are known for %s", request.path_info)
        return Reader()


def _labelled(response: HttpResponseBase) -> HttpResponseBase:
    # LocaleMiddleware would say what it had found, not what was chosen.
    response.headers.setdefault("Content-Language", translation.get_language() or settings.LANGUAGE_CODE)
    return response


@contextmanager
def _as_chosen(request: HttpRequest, reader: Reader) -> Iterator[None]:
    request.time_zone = ""  # type: ignore[attr-defined]
    with ExitStack() as chosen:
        if reader.time_zone:
            try:
                chosen.enter_context(timezone.override(ZoneInfo(reader.time_zone)))
                request.time_zone = reader.time_zone  # type: ignore[attr-defined]
            except (ValueError, OSError, KeyError):
                pass  # known to the machine on which it was chosen, but not to this one
        if is_spoken(reader.language):
            chosen.enter_context(translation.override(reader.language))
            request.LANGUAGE_CODE = reader.language
        yield

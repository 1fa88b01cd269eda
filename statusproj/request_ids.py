"""A name for each request: taken from who asks or made here, said in the answer, carried by log lines and runs.

A proxy or another service hands on `X-Request-ID`, so that one search finds what all of them wrote. What it may look
like is bounded, because it ends up in logs and in the database: anything else is replaced, not repaired.
"""

import logging
import re
import time
import uuid

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from live.middleware import Handler
from tasks import correlation

from .health import PROBES

logger = logging.getLogger("statusproj.requests")

HEADER = "X-Request-ID"
ACCEPTED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:=+/-]{7,127}")  # a UUID, a trace id, what nginx and clouds make


@sync_and_async_middleware
def request_id_middleware(get_response: Handler) -> Handler:
    """First of all: what the others log belongs to the request as well. At LOG_LEVEL=INFO a line for each request."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponseBase:
            with correlation.serving(id_of(request)):
                began = time.perf_counter()
                return _said(request, await get_response(request), began)

        return later

    def at_once(request: HttpRequest) -> HttpResponseBase:
        with correlation.serving(id_of(request)):
            began = time.perf_counter()
            return _said(request, get_response(request), began)  # type: ignore[arg-type]

    return at_once


def id_of(request: HttpRequest) -> str:
    """What the request says it is called, if that can be taken over; else a new name."""
    said = request.headers.get(HEADER, "")
    return said if ACCEPTED.fullmatch(said) else uuid.uuid4().hex


def _said(request: HttpRequest, response: HttpResponseBase, began: float) -> HttpResponseBase:
    response.headers[HEADER] = correlation.request_id()
    # A proxy asks every few seconds whether all is well: that it is would be most of the log.
    level = logging.DEBUG if request.path in PROBES and response.status_code == 200 else logging.INFO
    if logger.isEnabledFor(level):
        # Without the query: people search for names, and links carry tokens.
        milliseconds = round((time.perf_counter() - began) * 1000, 1)
        said = {"method": request.method, "path": request.path, "status": response.status_code, "ms": milliseconds}
        logger.log(level, "%s %s %s", request.method, request.path, response.status_code, extra=said)
    return response

"""What Django hands to middlewares that serve both ways."""

from collections.abc import Awaitable, Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

type Handler = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]
"""Whatever answers next, for `sync_and_async_middleware`: plain or a coroutine function."""

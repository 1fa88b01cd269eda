"""Headers that Django sets none of: what browsers are to keep from our pages, and our answers from other sites."""

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from live.middleware import Handler

# Nothing here needs them, so nothing that gets into a page shall have them.
_UNUSED: tuple[str, ...] = (
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "hid",
    "magnetometer",
    "microphone",
    "midi",
)
_UNUSED += ("payment", "publickey-credentials-get", "serial", "usb", "xr-spatial-tracking")
HEADERS = {
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _UNUSED),
    "Cross-Origin-Resource-Policy": "same-origin",
}


@sync_and_async_middleware
def headers_middleware(get_response: Handler) -> Handler:
    """Adds HEADERS to every answer, whoever gave it."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponseBase:
            return _with_headers(await get_response(request))

        return later

    def at_once(request: HttpRequest) -> HttpResponseBase:
        return _with_headers(get_response(request))  # type: ignore[arg-type]

    return at_once


def _with_headers(response: HttpResponseBase) -> HttpResponseBase:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response

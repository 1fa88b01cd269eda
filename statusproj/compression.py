"""Pages, styles and scripts go over the wire compressed: a first visit is what people on slow lines wait for."""

from typing import Any

from django.http import HttpRequest
from django.middleware.gzip import GZipMiddleware

# Not what the API and downloads send: those have ETags of their own, or are streamed as they are made.
COMPRESSED = {"text/html", "text/css", "text/javascript", "application/javascript"}


class CompressMiddleware(GZipMiddleware):
    """As Django's, which adds bytes at random so that a page's length tells nothing of its secrets; for these types."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        """The response, smaller if the browser takes that. Files that were collected are compressed already."""
        if response.get("Content-Type", "").partition(";")[0] not in COMPRESSED:
            return response
        answer = super().process_response(request, response)
        if answer.has_header("Content-Encoding") and answer.get("ETag", "").startswith("W/"):
            # WhiteNoise knows its own ETag only; the date of the file, which it also sends, it knows as well.
            del answer["ETag"]
        return answer

"""Answers that are sent while they are made, so that their length costs no memory."""

from collections.abc import AsyncIterator, Iterator

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from .db import in_thread


def stream(request: HttpRequest, parts: Iterator[str], name: str, kind: str) -> StreamingHttpResponse:
    """A download called `name`. Each of `parts` may read the database; none may hold anything open between two."""
    # Under ASGI Django would read a plain iterator to its end before it sends the first part.
    body = _in_thread(parts) if isinstance(request, ASGIRequest) else parts
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return StreamingHttpResponse(body, content_type=kind, headers=headers)


async def _in_thread(parts: Iterator[str]) -> AsyncIterator[str]:
    while (part := await in_thread(next, parts, None)) is not None:
        yield part

"""The root of the JSON API. Its documentation is served at /api/docs, its schema at /api/openapi.json."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.auth import token_auth
from live.errors import install
from live.http import session_auth
from live.schema import json_schema
from tasks.all_api import NAMESPACE, add_routers

from .openapi import DescribedAPI

_MARKDOWN = {"responses": {200: {"description": "OK", "content": {"text/markdown": {"schema": {"type": "string"}}}}}}

api = DescribedAPI(
    title="statusproj",
    version="1",
    description="Live status of background work. Signed in by the session cookie, and then every write needs the CSRF "
    "token; or by an API token (`Authorization: Bearer …`, made on the page /profile/tokens/), which needs none. "
    "Live updates come over WebSockets: their frames are described by "
    "[/api/frames.schema.json](/api/frames.schema.json) and explained, with clients to copy, in "
    "[/api/frames.md](/api/frames.md).",
    auth=[token_auth, session_auth],  # a token decides alone, if there is one
    urls_namespace=NAMESPACE,
)
install(api)
add_routers(api)
api.add_router("/background-tasks", "ingest.api.bulk_router")  # about articles, so it lives in their room
api.add_router("/auto-ingest", "ingest.api.router")
api.add_router("/audit", "accounts.audit.api.router")


@api.get("/frames.schema.json", auth=None, response=dict[str, Any], tags=["sockets"], summary="Describe the frames")
def get_frames_schema(request: HttpRequest) -> dict[str, Any]:
    """JSON Schema of every frame of `/ws/bulk-process/{job_id}`, `/ws/progress/{topic_id}` and `/ws/notifications`."""
    return json_schema()


@api.get("/frames.md", auth=None, tags=["sockets"], summary="Explain the frames", openapi_extra=_MARKDOWN)
def get_frames_reference(request: HttpRequest) -> HttpResponse:
    """The reference of the frames, docs/frames.md: what each means, resuming, closing, and clients to copy."""
    reference = settings.BASE_DIR / "docs" / "frames.md"
    return HttpResponse(reference.read_bytes(), content_type="text/markdown; charset=utf-8")

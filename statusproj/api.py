"""The root of the JSON API. Its documentation is served at /api/docs, its schema at /api/openapi.json."""

from ninja import NinjaAPI

from live.errors import install
from live.http import session_auth

api = NinjaAPI(
    title="statusproj",
    version="1",
    description="Live status of background work. Session cookie everywhere; every write needs the CSRF token.",
    auth=session_auth,
    urls_namespace="api",
)
install(api)
api.add_router("/background-tasks", "tasks.api.router")
api.add_router("/background-tasks", "ingest.api.bulk_router")  # about articles, so it lives in their room
api.add_router("/auto-ingest", "ingest.api.router")
api.add_router("/notifications", "notifications.api.router")

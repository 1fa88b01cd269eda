"""The JSON API of runs and notifications as one."""

from ninja import NinjaAPI

from live.errors import install
from live.http import session_auth

NAMESPACE = "live_api"  # of its addresses: pages ask by it whether anything has changed


def add_routers(api: NinjaAPI) -> None:
    """Everything that these rooms answer. The namespace of `api` must be NAMESPACE."""
    api.add_router("/background-tasks", "tasks.api.router")
    api.add_router("/background-tasks", "tasks.bulk_api.router")
    api.add_router("/background-tasks", "tasks.queue_api.router")
    api.add_router("/background-tasks", "tasks.schedule_api.router")
    api.add_router("/background-tasks", "tasks.record_api.router")
    api.add_router("/notifications", "notifications.api.router")
    api.add_router("/notifications", "notifications.preferences_api.router")


def make_api() -> NinjaAPI:
    """An API of these alone: signed in by the session, and every write needs the CSRF token."""
    # No page of documentation: Ninja's loads its scripts from elsewhere unless it is installed as an app.
    api = NinjaAPI(title="Runs and notifications", urls_namespace=NAMESPACE, auth=session_auth, docs_url=None)
    install(api)
    add_routers(api)
    return api

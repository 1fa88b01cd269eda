"""An API whose endpoints fail, each in its own way."""

from typing import NoReturn

from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest
from django.urls import path
from ninja import NinjaAPI, Schema

from live.errors import ApiError, install
from live.http import session_auth

ERRORS: dict[str, Exception] = {
    "conflict": ApiError(409, "already_running", "It runs already.", {"task_id": "1"}),
    "full": ApiError(429, "queue_full", "The queue is full.", retry_after=7),
    "missing": Http404("row 17 of table secret"),
    "forbidden": PermissionDenied("secret"),
    "large": RequestDataTooBig("secret"),
    "suspicious": SuspiciousOperation("secret"),
    "bad": BadRequest("secret"),
    "database": OperationalError("secret"),
    "connection": InterfaceError("secret"),
    "mistake": KeyError("secret"),
}


class Nested(Schema):
    """Something inside the body."""

    urls: list[int]


api = NinjaAPI(urls_namespace="failing", docs_url=None, auth=session_auth)
install(api)


@api.get("/fail/{name}", auth=None)
def fail(request: HttpRequest, name: str) -> NoReturn:
    """Raise what was asked for."""
    raise ERRORS[name]


@api.post("/nested", auth=None)
def nested(request: HttpRequest, payload: Nested) -> str:
    """Take a body."""
    return "ok"


@api.get("/private")
def private(request: HttpRequest) -> str:
    """For the signed-in."""
    return "ok"


urlpatterns = [path("api/", api.urls)]

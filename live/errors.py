"""Errors of the JSON API: one shape, the honest status, a sentence that helps, nothing from inside."""

import logging
from collections.abc import Callable
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from .frames import plain

logger = logging.getLogger(__name__)

NO_NUL = r"^[^\x00]*$"  # of a text that Postgres is to look for: it would refuse the whole question
RETRY_AFTER_TROUBLE = 5  # seconds a client is asked to wait while the database is away

_CODES = {
    400: "bad_request",
    401: "not_signed_in",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    422: "invalid",
    429: "too_many_requests",
    503: "unavailable",
}


class ApiError(Exception):
    """An error the client should hear of: HTTP status, a code for programs, a sentence for people."""

    def __init__(
        self, status: int, code: str, message: str, details: Any = None, *, retry_after: int | None = None
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.retry_after = retry_after
        super().__init__(status, code, message)


def error_response(
    status: int, code: str, message: str, details: Any = None, *, retry_after: int | None = None
) -> JsonResponse:
    """`{"success": false, "error": {"code", "message", "details"}}` with the honest status."""
    body = {"success": False, "error": {"code": code, "message": message, "details": plain(details)}}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return JsonResponse(body, status=status, headers=headers)


def invalid(field: str, message: str) -> ApiError:
    """422: the value of `field` cannot be used, and why."""
    return ApiError(422, "invalid", f"{field}: {message}", [{"field": field, "message": message}])


def install(api: NinjaAPI) -> None:
    """From now on every error of `api` has our shape."""
    handlers: list[tuple[type[Exception], Callable[[HttpRequest, Any], HttpResponse]]] = [
        (ApiError, _api_error),
        (ValidationError, _invalid),
        (AuthenticationError, _not_signed_in),
        (HttpError, _http_error),
        (Http404, _not_found),
        (PermissionDenied, _forbidden),
        (RequestDataTooBig, _too_large),
        (SuspiciousOperation, _bad_request),
        (BadRequest, _bad_request),
        (UnreadablePostError, _bad_request),
        (OperationalError, _unavailable),
        (InterfaceError, _unavailable),
        (Exception, _unexpected),
    ]
    for error, handler in handlers:
        api.add_exception_handler(error, handler)


def _api_error(request: HttpRequest, error: ApiError) -> HttpResponse:
    return error_response(error.status, error.code, error.message, error.details, retry_after=error.retry_after)


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    details = [{"field": _field_of(item), "message": _sentence_of(item)} for item in error.errors]
    summary = "; ".join(f"{detail['field']}: {detail['message']}" for detail in details[:3])
    return error_response(422, "invalid", summary or "A value cannot be used.", details)


def _field_of(item: dict[str, Any]) -> str:
    """`urls.0` of the place (body, payload, urls, 0): without our parameter's name, as the client sees it."""
    source, *path = item.get("loc", ())
    if source in {"body", "form"} and len(path) > 1:
        path = path[1:]
    return ".".join(str(part) for part in path) or str(source)


def _sentence_of(item: dict[str, Any]) -> str:
    # pydantic sets this before what our own validators say.
    return str(item.get("msg", "is not valid")).removeprefix("Value error, ")


def _not_signed_in(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return error_response(401, "not_signed_in", "Sign in first.")


def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    code = _CODES.get(error.status_code, "error")
    message = "The body is not valid JSON." if error.status_code == 400 else str(error)
    return error_response(error.status_code, code, message)


def _not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    # One sentence for missing and foreign alike: the answer must not tell them apart.
    return error_response(404, "not_found", "There is nothing here, or it is not yours.")


def _forbidden(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
    return error_response(403, "forbidden", "You may not do this.")


def _too_large(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    return error_response(413, "too_large", "The request is too large.")


def _bad_request(request: HttpRequest, error: Exception) -> HttpResponse:
    return error_response(400, "bad_request", "The request could not be understood.")


def _unavailable(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.error("The database does not answer: %s %s", request.method, request.path, exc_info=error)
    return error_response(
        503,
        "unavailable",
        "The database does not answer. Try again in a moment.",
        retry_after=RETRY_AFTER_TROUBLE,
    )


def _unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.error("Unexpected error: %s %s", request.method, request.path, exc_info=error)
    return error_response(500, "internal_error", "Something went wrong on our side. It has been logged.")

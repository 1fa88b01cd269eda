"""What every JSON endpoint shares: signing in by session, errors in JSON even where no endpoint answers."""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja.security import APIKeyCookie
from ninja.utils import check_csrf

from .errors import ApiError, error_response

API_PREFIX = "/api/"


class SessionAuth(APIKeyCookie):
    """The signed-in, active user of the session; writes also need the CSRF token."""

    param_name = settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> AbstractBaseUser | None:
        """The user; None (401) for nobody; ApiError 403 for a write without a CSRF token."""
        # Who first, token second: somebody whose session has ended should hear 401, not that a token is
        # missing.
        user = self.authenticate(request, self._get_key(request))
        if user is not None and not getattr(request, "_ninja_csrf_exempt", False) and check_csrf(request):
            raise ApiError(403, "csrf_failed", "The CSRF token is missing or wrong. Reload the page and try again.")
        return user

    def _get_key(self, request: HttpRequest) -> str | None:
        return request.COOKIES.get(self.param_name)

    def authenticate(self, request: HttpRequest, key: str | None) -> AbstractBaseUser | None:
        """The session's user, if there is one and the account is active."""
        user = request.user
        return user if user.is_authenticated and user.is_active else None


session_auth = SessionAuth()

_PLAIN_ERRORS = {
    400: ("bad_request", "The request could not be understood."),
    403: ("forbidden", "You may not do this."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take that method."),
    413: ("too_large", "The request is too large."),
    500: ("internal_error", "Something went wrong on our side. It has been logged."),
}


class ApiErrorsMiddleware:
    """Gives every error under /api/ its JSON form: also for an unknown address or a wrong method."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """The response, an HTML or text error under /api/ replaced by its JSON form."""
        response = self.get_response(request)
        if isinstance(response, HttpResponseBase):
            return self._in_json(request, response)
        return self._later(request, response)

    async def _later(self, request: HttpRequest, response: Awaitable[HttpResponseBase]) -> HttpResponseBase:
        return self._in_json(request, await response)

    def _in_json(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        known = _PLAIN_ERRORS.get(response.status_code)
        is_json = response.headers.get("Content-Type", "").startswith("application/json")
        if known is None or is_json or not request.path_info.startswith(API_PREFIX):
            return response
        code, message = known
        replacement: HttpResponse = error_response(response.status_code, code, message)
        if allow := response.headers.get("Allow"):
            replacement.headers["Allow"] = allow
        return replacement

"""Requests of programs: `Authorization: Bearer …` instead of a session."""

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja.security import HttpBearer

from live.errors import ApiError

from . import scopes, tokens


class TokenAuth(HttpBearer):
    """The user whose token the request carries. The token decides alone: a session that came along is not looked at.

    No CSRF token is needed, for no browser sends a token without being told to.
    """

    def authenticate(self, request: HttpRequest, token: str) -> User:
        """The user. Raises ApiError: 401 for a token that is not valid, 403 for one without the scope."""
        known = tokens.find(token)
        if known is None:
            raise ApiError(401, "bad_token", "This token is unknown, has expired, or was revoked.")
        method, path = request.method or "", request.path_info
        if not scopes.allows(known.scopes, method, path):
            needed = " or ".join(sorted(scopes.enough(method, path)))
            raise ApiError(403, "out_of_scope", f"This token may not do that: it needs the scope {needed}.")
        request.user = known.user
        request.api_token = known  # type: ignore[attr-defined]
        return known.user


token_auth = TokenAuth()

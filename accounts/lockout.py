"""Guessing passwords: django-axes counts failures, here is whose they are and what who is locked out is told.

It counts by name and address together. By name alone, anybody could lock out anybody; by address alone, one guest of an
office everybody in it. Whether there is somebody of that name makes no difference to anything. One address may be wrong
about many names, but not about any number: that is counted with the rate limits, far above what an office mistypes.
"""

import math
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.core.exceptions import PermissionDenied
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from live.errors import error_response
from live.limits import request_refused

from . import limits

SIGN_IN = "sign-in"  # among settings.RATE_LIMITS


def address_of(request: HttpRequest) -> str:
    """Where a request comes from: who our outermost proxy says has called it, or whoever called us.

    Each proxy adds its caller to the right of X-Forwarded-For; what stands to the left of ours is what a client claims.
    """
    caller = str(request.META.get("REMOTE_ADDR") or "")
    told = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    proxies = settings.TRUSTED_PROXIES
    return told[-proxies] if 0 < proxies <= len(told) else caller


class AddressBackend:
    """First of all backends: lets nobody in, and keeps everybody out whose address has been wrong too often."""

    @sensitive_variables("credentials")
    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        """Count the attempt as a wrong one; it is given back when it was right. Raises PermissionDenied beyond that."""
        if request is None:
            return
        verdict = limits.take(SIGN_IN, _who(request))
        if verdict is None or verdict.allowed:
            request.sign_in_taken = verdict is not None  # type: ignore[attr-defined]
            return
        request_refused.send_robust(sender=AddressBackend, kind=SIGN_IN)
        request.axes_locked_out = True  # type: ignore[attr-defined] # so axes notes no failure, and asks `locked_out`
        request.sign_in_wait = verdict.retry_after  # type: ignore[attr-defined]
        raise PermissionDenied


def connect() -> None:
    """Of those who got in nothing was wrong."""
    user_logged_in.connect(_signed_in, dispatch_uid="accounts-lockout")


def _signed_in(*, request: HttpRequest | None, **kwargs: Any) -> None:
    # Tests and other code sign people in without a password: nothing was taken then, and there is nothing to give back.
    if request is not None and getattr(request, "sign_in_taken", False):
        limits.give_back(SIGN_IN, _who(request))


def _who(request: HttpRequest) -> str:
    return f"address:{limits.neighbourhood(address_of(request))}"


def locked_out(request: HttpRequest, *seen: Any) -> HttpResponse:
    """429, with the seconds until one may try again. A person is shown the page of it, see statusproj/too_many.py."""
    # Of `seen` axes is not sure itself: beside the request it gives other things when asynchronous than when not.
    wait = getattr(request, "sign_in_wait", None) or _seconds_left(request)
    return error_response(429, "too_many_attempts", _("Too many attempts to sign in."), retry_after=wait)


def _seconds_left(request: HttpRequest) -> int:
    credentials = getattr(request, "axes_credentials", None)
    attempts = AxesDatabaseHandler().get_user_attempts(request, credentials)
    latest = [found for one in attempts if (found := one.aggregate(latest=Max("attempt_time"))["latest"])]
    until = max(latest, default=timezone.now()) + settings.AXES_COOLOFF_TIME
    return max(1, math.ceil((until - timezone.now()).total_seconds()))

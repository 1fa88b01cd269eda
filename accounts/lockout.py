"""Guessing passwords: django-axes counts failures, here is whose they are and what who is locked out is told.

It counts by name and address together. By name alone, anybody could lock out anybody; by address alone, one guest of an
office everybody in it. Whether there is somebody of that name makes no difference to anything.
"""

import math
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from django.conf import settings
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from live.errors import error_response


def address_of(request: HttpRequest) -> str:
    """Where a request comes from: who our outermost proxy says has called it, or whoever called us.

    Each proxy adds its caller to the right of X-Forwarded-For; what stands to the left of ours is what a client claims.
    """
    caller = str(request.META.get("REMOTE_ADDR") or "")
    told = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    proxies = settings.TRUSTED_PROXIES
    return told[-proxies] if 0 < proxies <= len(told) else caller


def locked_out(request: HttpRequest, *seen: Any) -> HttpResponse:
    """429, with the seconds until one may try again. A person is shown the page of it, see statusproj/too_many.py."""
    # Of `seen` axes is not sure itself: beside the request it gives other things when asynchronous than when not.
    return error_response(
        429, "too_many_attempts", _("Too many attempts to sign in."), retry_after=_seconds_left(request)
    )


def _seconds_left(request: HttpRequest) -> int:
    credentials = getattr(request, "axes_credentials", None)
    attempts = AxesDatabaseHandler().get_user_attempts(request, credentials)
    latest = [found for one in attempts if (found := one.aggregate(latest=Max("attempt_time"))["latest"])]
    until = max(latest, default=timezone.now()) + settings.AXES_COOLOFF_TIME
    return max(1, math.ceil((until - timezone.now()).total_seconds()))

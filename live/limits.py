"""How often somebody may do what costs others something: asked before it is done. Who counts registers here.

A view, or an operation of the API, says of which kind it is:

    @login_required
    @require_POST
    @limited(Kind.CONTROL)
    def run_cancel(request, run_id): ...

Reading is never counted. Whoever is refused has changed nothing, and is told how long to wait.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any, cast

from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from .errors import error_response

SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}

request_refused = Signal()  # with `kind`


class Kind(StrEnum):
    """What is counted together."""

    START = "start"
    CONTROL = "control"
    SEND = "send"
    IMPORT = "import"
    CREATE = "create"


WORDS = {
    Kind.START: _("You have started a great deal in a short time."),
    Kind.CONTROL: _("You have cancelled or repeated a great deal in a short time."),
    Kind.SEND: _("You have sent a great deal in a short time."),
    Kind.IMPORT: _("You have handed in many lists in a short time."),
    Kind.CREATE: _("You have made a great deal in a short time."),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Whether it may be done. `quota` times in `window` seconds; `remaining` of them are left.

    `wait`: seconds until it may be done, 0 if it may be; `full_in`: until all of the quota is there again.
    """

    kind: str
    quota: int
    window: float
    remaining: int
    wait: float
    full_in: float

    @property
    def allowed(self) -> bool:
        """May it be done now?"""
        return self.wait <= 0

    @property
    def retry_after(self) -> int:
        """Whole seconds after which it may be done."""
        return max(1, math.ceil(self.wait))


type Take = Callable[[HttpRequest, Kind], Verdict | None]

_registered: list[Take] = []  # none, or the one that counts


def register(take: Take) -> None:
    """`take(request, kind)` counts a request and says whether it may be dealt with; None: without a limit."""
    _registered[:] = [take]


def limited[View: Callable[..., Any]](
    kind: Kind, *, when: Callable[..., bool] = lambda *args, **kwargs: True
) -> Callable[[View], View]:
    """For views and operations of the API whose writes are counted by `kind`; beyond the limit they answer 429.

    `when`, asked with the view's own arguments, says which of them count.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def counted(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if request.method not in SAFE and when(request, *args, **kwargs):
                return refusal_of(request, kind) or view(request, *args, **kwargs)
            return view(request, *args, **kwargs)

        counted.limited_by = kind  # type: ignore[attr-defined]
        return cast(View, counted)

    return decorate


def refusal_of(request: HttpRequest, kind: Kind) -> HttpResponse | None:
    """429 with how long to wait, in the form of the API's errors; None, and counted, when it may go on."""
    verdict = _registered[0](request, kind) if _registered else None
    if verdict is None:
        return None
    request.rate_limit = verdict  # type: ignore[attr-defined]
    if verdict.allowed:
        return None
    request_refused.send_robust(sender=Verdict, kind=str(kind))
    return error_response(429, "too_many_requests", str(WORDS[kind]), retry_after=verdict.retry_after)


def headers_of(request: HttpRequest) -> dict[str, str]:
    """`RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers) of a request that was counted."""
    verdict: Verdict | None = getattr(request, "rate_limit", None)
    if verdict is None:
        return {}
    return {
        "RateLimit-Policy": f'"{verdict.kind}";q={verdict.quota};w={round(verdict.window)}',
        "RateLimit": f'"{verdict.kind}";r={verdict.remaining};t={math.ceil(verdict.full_in)}',
    }

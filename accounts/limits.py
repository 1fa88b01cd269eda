"""How often, counted in the database, so by all processes together: docs/decisions/rate-limits.md.

A row says when its bucket is full again. Taking one puts that off by a step, unless it would then be further away than
the window (the generic cell rate algorithm). One statement does both, under the row's lock.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.http import HttpRequest

from live.limits import Kind, Verdict

from .models import RateLimit

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
WRITTEN = re.compile(r"([1-9][0-9]{0,6})/(second|minute|hour|day)")

TAKE = """
    INSERT INTO rate_limits AS known (kind, who, full_at)
    VALUES (%(kind)s, %(who)s, clock_timestamp() + %(step)s)
    ON CONFLICT (kind, who) DO UPDATE
    SET full_at = GREATEST(known.full_at, clock_timestamp()) + %(step)s
    WHERE GREATEST(known.full_at, clock_timestamp()) + %(step)s <= clock_timestamp() + %(window)s
    RETURNING EXTRACT(EPOCH FROM full_at - clock_timestamp())
"""
LOOK = """
    SELECT EXTRACT(EPOCH FROM full_at - clock_timestamp()) FROM rate_limits WHERE kind = %(kind)s AND who = %(who)s
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """`quota` times in `window`: that many at once, and then one each `step`."""

    quota: int
    window: timedelta

    @property
    def step(self) -> timedelta:
        """In which one comes back. Rounded down, so that the whole quota fits into the window."""
        return timedelta(microseconds=self.window // timedelta(microseconds=1) // self.quota)


@lru_cache(maxsize=64)
def rate_of(text: str) -> Rate | None:
    """`60/minute` as a rate; None, no limit, of `0`. Raises ImproperlyConfigured."""
    if text.strip() in {"", "0"}:
        return None
    found = WRITTEN.fullmatch(text.strip().lower())
    if found is None:
        raise ImproperlyConfigured(f"{text!r} is no rate: say 60/minute (or second, hour, day), or 0 for no limit.")
    return Rate(int(found[1]), timedelta(seconds=SECONDS[found[2]]))


def check_settings(limits: Mapping[str, str]) -> None:
    """Raises ImproperlyConfigured, at the start rather than at the first request."""
    for text in limits.values():
        rate_of(text)


def take_for_user(request: HttpRequest, kind: Kind) -> Verdict | None:
    """Count a request of somebody who is signed in, by session or token. None: nobody is, or there is no limit."""
    return take(kind, f"user:{request.user.pk}") if request.user.is_authenticated else None


def take(kind: str, who: str) -> Verdict | None:
    """Count one for `who`, unless that is one too many. None: there is no limit."""
    rate = rate_of(settings.RATE_LIMITS[kind])
    if rate is None:
        return None
    asked: dict[str, Any] = {"kind": kind, "who": who, "step": rate.step, "window": rate.window}
    with connection.cursor() as cursor:
        cursor.execute(TAKE, asked)
        taken = cursor.fetchone()
    return _verdict(kind, rate, float(taken[0])) if taken else look(kind, who)


def look(kind: str, who: str) -> Verdict | None:
    """What would be said of one more. None: there is no limit."""
    rate = rate_of(settings.RATE_LIMITS[kind])
    if rate is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(LOOK, {"kind": kind, "who": who})
        found = cursor.fetchone()
    full_in = float(found[0]) if found else 0.0
    wait = max(0.0, full_in) + rate.step.total_seconds() - rate.window.total_seconds()
    return _verdict(kind, rate, full_in, wait=max(0.0, wait))


def give_back(kind: str, who: str) -> None:
    """What was taken is not to count."""
    rate = rate_of(settings.RATE_LIMITS[kind])
    if rate is not None:
        RateLimit.objects.filter(kind=kind, who=who).update(full_at=F("full_at") - rate.step)


def delete_idle() -> int:
    """Forget whose quota is whole again: for them no row says the same. Returns how many."""
    return RateLimit.objects.filter(full_at__lt=Now()).delete()[0]


def neighbourhood(address: str) -> str:
    """What one household or company can have of addresses: of IPv6 a /64, of IPv4 one."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(ip_network((found, 64), strict=False))
    return str(getattr(found, "ipv4_mapped", None) or found)


def _verdict(kind: str, rate: Rate, full_in: float, *, wait: float = 0.0) -> Verdict:
    full_in, window = max(0.0, full_in), rate.window.total_seconds()
    left = math.floor((window - full_in) / rate.step.total_seconds())
    return Verdict(kind=kind, quota=rate.quota, window=window, remaining=max(0, left), wait=wait, full_in=full_in)

"""`/healthz`: what is up and what is away, for load balancers and for people. Asks nobody to sign in, tells no secrets.

Without the database nothing works: 503. Without Redis or a worker pages still tell the truth, but later: `degraded`.
So it is when a part of a worker had to be started again lately: all may be well, but somebody should look why.
"""

import logging
from collections.abc import Callable
from typing import Any

import redis
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tasks import tickets
from tasks.db import database_now
from tasks.standstill import SILENCE
from tasks.workers import restarted_lately

logger = logging.getLogger(__name__)

REDIS_PATIENCE = 1.0  # seconds


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """`status` is `ok`, `degraded` or `down`; each part says `ok` or, in a word, what is wrong."""
    parts = {"database": _answer(_database)}
    if parts["database"] == "ok":
        parts |= {"layer": _answer(_layer), "workers": _answer(_workers)}
        status = "ok" if set(parts.values()) == {"ok"} else "degraded"
    else:
        parts |= {"layer": _answer(_layer), "workers": "unknown"}
        status = "down"
    return JsonResponse({"status": status, **parts}, status=503 if status == "down" else 200)


def _answer(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except (DatabaseError, redis.RedisError, OSError) as trouble:
        # Who asks is told that it is away; why stands in the log.
        logger.warning("Health: %s is away (%r)", ask.__name__.strip("_"), trouble)
        return "away"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _layer() -> str:
    if not settings.REDIS_URL:
        return "ok"  # in memory: it is there as long as we are
    patience: dict[str, Any] = {"socket_connect_timeout": REDIS_PATIENCE, "socket_timeout": REDIS_PATIENCE}
    with redis.Redis.from_url(settings.REDIS_URL, **patience) as client:
        client.ping()
    return "ok"


def _workers() -> str:
    heard = tickets.last_heartbeat()
    if heard is None or heard < database_now() - SILENCE:
        return "silent"
    return "restarted" if restarted_lately() else "ok"

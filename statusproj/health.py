"""`/healthz` and `/readyz`: for load balancers and for people. They ask nobody to sign in, and tell no secrets.

`/healthz` is liveness: this process answers. It asks nothing of anybody, because a process is not healed by a restart
when the database is away.

`/readyz` is readiness: may this process be sent requests? Without the database, or before its migrations are applied,
no page works: 503. Without Redis or a worker pages still tell the truth, but later: `degraded`, and still 200, for
taking every web process out of rotation would make an outage of it. So it is when a part of a worker had to be started
again lately, or the line does not move: all may be well, but somebody should look why.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import redis
from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.csp import ContentSecurityPolicyMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils.decorators import sync_and_async_middleware
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from live.middleware import Handler
from tasks import lines, tickets, workers
from tasks.db import database_now
from tasks.standstill import SILENCE, find_standstill

from .metrics.exposition import metrics

logger = logging.getLogger(__name__)


REDIS_PATIENCE = 1.0  # seconds
OK, AWAY, UNKNOWN = "ok", "away", "unknown"

# Code does not change while a process lives, and what is applied stays: once all is applied nobody looks again.
_all_migrations_seen = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """How what waits is doing. `seconds`: since when the run that waits longest could start; None when none waits."""

    state: str
    seconds: float | None
    workers: int


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """This process lives and answers. No question to the database, to Redis or to a worker."""
    return JsonResponse({"status": OK})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """`status` is `ready`, `degraded` or `not ready` (503); each part says `ok` or, in a word, what is wrong."""
    parts: dict[str, Any] = {"database": _answer(_database, AWAY)}
    figures: dict[str, Any] = {"workers_alive": None, "oldest_pending_seconds": None}
    if parts["database"] == OK:
        parts["migrations"] = _answer(_migrations, AWAY)
    if parts.get("migrations") == OK:
        line = _answer(_line, Line(state=AWAY, seconds=None, workers=0))
        parts |= {"layer": _answer(_layer, AWAY), "workers": _answer(_workers, AWAY), "queues": line.state}
        figures = {"workers_alive": line.workers, "oldest_pending_seconds": line.seconds}
        status = "ready" if set(parts.values()) == {OK} else "degraded"
    else:
        # Its tables may be missing, or of another shape: of the rest only Redis can be asked.
        parts = {"migrations": UNKNOWN, **parts, "layer": _answer(_layer, AWAY), "workers": UNKNOWN, "queues": UNKNOWN}
        status = "not ready"
    return JsonResponse({"status": status, **parts, **figures}, status=503 if status == "not ready" else 200)


# What machines ask, by an address that is no name of ours and over plain HTTP.
PROBES: dict[str, Callable[[HttpRequest], HttpResponse]] = {"/healthz": healthz, "/readyz": readyz}
FOR_A_TOKEN: dict[str, Callable[[HttpRequest], HttpResponse]] = {"/metrics": metrics}  # people come with a session


@sync_and_async_middleware
def probes_middleware(get_response: Handler) -> Handler:
    """Answer probes before the host is checked, HTTPS is asked for or a session is looked at.

    A load balancer asks by IP address, which no ALLOWED_HOSTS names. Nothing here builds an address from the host.
    """
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponseBase:
            probe = _probe_of(request)
            return await (get_response(request) if probe is None else sync_to_async(_answered)(request, probe))

        return later

    def at_once(request: HttpRequest) -> HttpResponseBase:
        probe = _probe_of(request)
        return get_response(request) if probe is None else _answered(request, probe)  # type: ignore[return-value]

    return at_once


def _probe_of(request: HttpRequest) -> Callable[[HttpRequest], HttpResponse] | None:
    path = request.path_info
    return PROBES.get(path) or (FOR_A_TOKEN.get(path) if "Authorization" in request.headers else None)


def _answered(request: HttpRequest, probe: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
    """With the headers that every other answer has of Django, whose middlewares come later. None looks at the host."""
    response = probe(request)
    for middleware in (SecurityMiddleware, ContentSecurityPolicyMiddleware, XFrameOptionsMiddleware):
        middleware(probe).process_response(request, response)
    return response


def _answer[T](ask: Callable[[], T], otherwise: T) -> T:
    try:
        return ask()
    except (DatabaseError, redis.RedisError, OSError) as trouble:
        # Who asks is told that it is away; why stands in the log.
        logger.warning("Readiness: %s is away (%r)", ask.__name__.strip("_"), trouble)
        return otherwise


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return OK


def _migrations() -> str:
    """Is every migration of this code applied? One that only newer code knows does not matter: deploys overlap."""
    global _all_migrations_seen
    if not _all_migrations_seen:
        executor = MigrationExecutor(connection)
        _all_migrations_seen = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return OK if _all_migrations_seen else "missing"


def _layer() -> str:
    if not settings.REDIS_URL:
        return OK  # in memory: it is there as long as we are
    patience: dict[str, Any] = {"socket_connect_timeout": REDIS_PATIENCE, "socket_timeout": REDIS_PATIENCE}
    with redis.Redis.from_url(settings.REDIS_URL, **patience) as client:
        client.ping()
    return OK


def _workers() -> str:
    heard = tickets.last_heartbeat()
    if heard is None or heard < database_now() - SILENCE:
        return "silent"
    return "restarted" if workers.restarted_lately() else OK


def _line() -> Line:
    now = database_now()
    seen = lines.look(now)
    stuck = find_standstill(now, seen=seen)
    return Line(
        # A queue that somebody has paused stands still because somebody wants it to.
        state="standing still" if stuck is not None and not stuck.queue else OK,
        seconds=_seconds_between(seen.ready_since(paused=False), now),
        workers=len(workers.overview()),
    )


def _seconds_between(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else round(max(0.0, (now - since).total_seconds()), 1)

"""The text that Prometheus reads, and who may read it."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from tasks import access

from . import counters  # noqa: F401 - importing registers them
from .database import DatabaseFigures
from .sockets import Sockets

SOCKETS, DATABASE = CollectorRegistry(), CollectorRegistry()
SOCKETS.register(Sockets())
database_figures = DatabaseFigures()
DATABASE.register(database_figures)

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """All figures: for whoever brings METRICS_TOKEN, and for staff who may see everybody's runs."""
    if has_token(request.headers.get("Authorization", "")):
        return HttpResponse(web_text(), content_type=CONTENT_TYPE)
    user = getattr(request, "user", None)
    if user is not None and access.sees_everything(user):
        return HttpResponse(web_text(), content_type=CONTENT_TYPE)
    if user is not None and user.is_authenticated:
        return HttpResponse("Staff who may see everybody's runs see this.\n", status=403, content_type="text/plain")
    refusal = HttpResponse("Bring the METRICS_TOKEN, or sign in as staff.\n", status=401, content_type="text/plain")
    refusal.headers["WWW-Authenticate"] = 'Bearer realm="metrics"'
    return refusal


def has_token(header: str) -> bool:
    """Is this `Authorization` header ours? Never while METRICS_TOKEN is empty."""
    scheme, _, token = header.partition(" ")
    wanted: str = settings.METRICS_TOKEN
    return bool(wanted) and scheme.lower() == "bearer" and constant_time_compare(token.strip(), wanted)


def web_text() -> bytes:
    """What a web process says: its own figures, its sockets, and how everything stands."""
    return generate_latest(REGISTRY) + generate_latest(SOCKETS) + generate_latest(DATABASE)


def worker_text() -> bytes:
    """What a worker says: its own figures, and the frames it published, most of all there are. How everything stands is
    said by web processes."""
    return generate_latest(REGISTRY) + generate_latest(SOCKETS)

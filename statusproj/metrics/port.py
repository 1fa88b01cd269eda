"""What a worker shows of itself: its own figures, on METRICS_PORT. See docs/decisions/worker-metrics.md."""

import logging
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.conf import settings

from .exposition import CONTENT_TYPE, has_token, worker_text

logger = logging.getLogger(__name__)

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class _Server(ThreadingMixIn, WSGIServer):
    """One slow reader must not keep the next waiting, nor the process from ending."""

    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = 10  # seconds for a reader that says nothing

    def log_message(self, *args: Any) -> None:
        """A scrape is no news."""


def open_if_wanted() -> WSGIServer | None:
    """Serve `/metrics` on METRICS_HOST:METRICS_PORT if a port is set. A port that is taken stops no worker."""
    host, port = settings.METRICS_HOST, settings.METRICS_PORT
    if not port:
        return None
    if not settings.METRICS_TOKEN and host not in LOOPBACK:
        logger.error("METRICS_HOST=%s without METRICS_TOKEN would show figures to everybody: not opened.", host)
        return None
    try:
        server = make_server(host, port, answer, _Server, _Handler)
    except OSError as trouble:
        logger.error("Metrics: cannot listen on %s:%s (%s). One worker, one METRICS_PORT.", host, port, trouble)
        return None
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """GET `/metrics`; with METRICS_TOKEN set, for whoever brings it."""
    if settings.METRICS_TOKEN and not has_token(environ.get("HTTP_AUTHORIZATION", "")):
        start_response("401 Unauthorized", [("WWW-Authenticate", 'Bearer realm="metrics"')])
        return [b""]
    if environ["PATH_INFO"] != "/metrics" or environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
        start_response("404 Not Found", [])
        return [b""]
    start_response("200 OK", [("Content-Type", CONTENT_TYPE)])
    return [worker_text()]

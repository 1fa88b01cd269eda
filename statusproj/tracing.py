"""Where spans go, by the standard OTEL_… variables alone; and the span of each request. See docs/observability.md."""

import logging
import os
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from live import tracing
from live.middleware import Handler
from tasks import correlation

logger = logging.getLogger(__name__)


ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def configure() -> bool:
    """Send spans where the environment says, if it says so. Returns whether it does.

    Nothing of OpenTelemetry's SDK is imported before. Whoever has set up a provider already keeps theirs.
    """
    wanted = _exporter_wanted()
    if not wanted or tracing.is_on():
        return False
    try:
        from opentelemetry import trace
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        exporter = _exporter(wanted)
    except ImportError as error:
        logger.error("Traces are asked for, and cannot be sent (%s): pip install 'statusproj[otel]'", error)
        return False
    if exporter is None:
        logger.error("OTEL_TRACES_EXPORTER is %r; otlp, console and none are understood.", wanted)
        return False
    provider = TracerProvider(resource=Resource.create(_name_of_service()))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return True


def _exporter_wanted() -> str:
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return ""
    # Where spans go must be said: the standard's default would have every laptop knock at a collector.
    asked = os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if not asked and any(os.environ.get(name) for name in ENDPOINTS):
        return "otlp"
    return "" if asked == "none" else asked


def _exporter(name: str) -> Any:
    if name == "otlp":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter()
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter()
    return None


def _name_of_service() -> dict[str, str]:
    """What is given here would go before what the environment says."""
    named = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return {} if named else {"service.name": tracing.NAME}


@sync_and_async_middleware
def tracing_middleware(get_response: Handler) -> Handler:
    """A span for each request, part of the trace that its `traceparent` names. Behind the probes, which need none."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponseBase:
            if not tracing.is_on():
                return await get_response(request)
            with _span_of(request) as span:
                return _said(span, request, await get_response(request))

        return later

    def at_once(request: HttpRequest) -> HttpResponseBase:
        if not tracing.is_on():
            return get_response(request)  # type: ignore[return-value]
        with _span_of(request) as span:
            return _said(span, request, get_response(request))  # type: ignore[arg-type]

    return at_once


def _span_of(request: HttpRequest) -> Any:
    # Without the query: people search for names, and links carry tokens.
    return tracing.span(
        str(request.method),
        kind="server",
        # Whoever has begun a span before us (a server that is instrumented) has looked at the headers.
        parent=None if tracing.trace_id() else {name.lower(): value for name, value in request.headers.items()},
        http__request__method=str(request.method),
        url__path=request.path,
        statusproj__request_id=correlation.request_id(),
    )


def _said(span: tracing.Span, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if request.resolver_match is not None:
        route = f"/{request.resolver_match.route}"
        span.is_called(f"{request.method} {route}")
        span.says(http__route=route)
    span.says(http__response__status_code=response.status_code)
    if response.status_code >= 500:
        span.failed()
    return response

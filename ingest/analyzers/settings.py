"""Which analyzer the settings name."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from .local import LocalAnalyzer
from .openai import Endpoint, OpenAIAnalyzer
from .protocol import LOCAL, Analyzer

OPENAI = "openai"


def configured_analyzer() -> Analyzer:
    """The analyzer for one run. Raises ImproperlyConfigured."""
    endpoint = configured_endpoint()
    local = LocalAnalyzer()
    return local if endpoint is None else OpenAIAnalyzer(endpoint, local=local)


def configured_endpoint() -> Endpoint | None:
    """The endpoint to ask; None when the local analyzer decides alone. Raises ImproperlyConfigured."""
    if settings.INGEST_ANALYZER == LOCAL:
        return None
    if settings.INGEST_ANALYZER != OPENAI:
        raise ImproperlyConfigured(f"INGEST_ANALYZER must be {LOCAL} or {OPENAI}, not {settings.INGEST_ANALYZER!r}.")
    if not settings.INGEST_ANALYZER_MODEL:
        raise ImproperlyConfigured("INGEST_ANALYZER_MODEL must name the model to ask.")
    if not settings.INGEST_ANALYZER_KEY.isascii() or not settings.INGEST_ANALYZER_KEY.isprintable():
        raise ImproperlyConfigured("INGEST_ANALYZER_KEY must be one line of ASCII.")
    if not (settings.INGEST_ANALYZER_SECONDS > 0 and settings.INGEST_ANALYZER_CONCURRENT > 0):
        raise ImproperlyConfigured("INGEST_ANALYZER_SECONDS and INGEST_ANALYZER_CONCURRENT must be more than 0.")
    return Endpoint(
        url=_checked_url(settings.INGEST_ANALYZER_URL),
        model=settings.INGEST_ANALYZER_MODEL,
        key=settings.INGEST_ANALYZER_KEY,
        seconds=settings.INGEST_ANALYZER_SECONDS,
        concurrent=settings.INGEST_ANALYZER_CONCURRENT,
    )


def _checked_url(url: str) -> str:
    """`url` without a slash at its end. A key belongs into its own setting: addresses are shown and logged."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or "@" in parts.netloc or parts.query or parts.fragment:
        raise ImproperlyConfigured(
            "INGEST_ANALYZER_URL must be the address before /chat/completions, such as https://api.example.com/v1 or "
            "http://127.0.0.1:11434/v1, without user name, password or parameters."
        )
    return url.rstrip("/")

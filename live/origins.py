"""Does the page that opens a socket belong to us? Whole origins are compared: scheme, host and port."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.utils.http import is_same_domain

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOCAL_HOSTS = [".localhost", "127.0.0.1", "[::1]"]

type Origin = tuple[str, str, int | None]


def is_ours(scope: dict[str, Any]) -> bool:
    """May a page of the Origin in `scope` open a socket here?

    No Origin at all means no browser: allowed, since only a browser sends somebody's cookies without being
    asked.
    """
    stated = _headers(scope, b"origin")
    if not stated:
        return True
    origin = _parse(stated[0])
    if len(stated) > 1 or origin is None:
        return False
    return origin == _own(scope) or any(_matches(origin, trusted) for trusted in settings.CSRF_TRUSTED_ORIGINS)


def _own(scope: dict[str, Any]) -> Origin | None:
    """The origin this request was sent to."""
    hosts = _headers(scope, b"x-forwarded-host") if settings.USE_X_FORWARDED_HOST else []
    hosts = hosts or _headers(scope, b"host")
    if not hosts:
        return None
    allowed: Iterable[str] = settings.ALLOWED_HOSTS or (_LOCAL_HOSTS if settings.DEBUG else [])
    domain, _ = split_domain_port(hosts[0])
    if not validate_host(domain, allowed):
        return None
    return _parse(f"{'https' if _is_secure(scope) else 'http'}://{hosts[0]}")


def _is_secure(scope: dict[str, Any]) -> bool:
    if proxy := settings.SECURE_PROXY_SSL_HEADER:
        name, value = proxy
        stated = _headers(scope, name.removeprefix("HTTP_").replace("_", "-").lower().encode())
        return bool(stated) and stated[0].split(",")[0].strip() == value
    return scope.get("scheme") in {"wss", "https"}


def _matches(origin: Origin, trusted: str) -> bool:
    scheme, host, port = origin
    if "*" not in trusted:
        return origin == _parse(trusted)
    # Django's notation for all subdomains: https://*.example.org
    pattern = _parse(trusted.replace("*", "", 1))
    return pattern is not None and (scheme, port) == (pattern[0], pattern[2]) and is_same_domain(host, pattern[1])


def _parse(text: str) -> Origin | None:
    try:
        parts = urlsplit(text.strip().lower())
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.scheme and parts.hostname else None


def _headers(scope: dict[str, Any], name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope.get("headers", []) if key.lower() == name]

"""DATABASE_URL, as an entry of Django's DATABASES."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

# A database whose machine is gone (no power, a switch that failed) does not hang up. By itself the kernel believes in
# it for a quarter of an hour when something was sent, and for two hours on the connection that listens.
GIVE_UP = {"keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3", "tcp_user_timeout": "20000"}


def entry_of(url: str) -> dict[str, Any]:
    """A DATABASES entry from `postgresql://user:password@host:port/name?option=value`."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(
            f"DATABASE_URL starts with {parts.scheme!r}; only postgresql://user:password@host/name is understood."
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": {**GIVE_UP, **dict(parse_qsl(parts.query))},
    }

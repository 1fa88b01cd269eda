"""Every address of the site, from the URLconf itself: as the document writes it, and as a request asks for it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import URLResolver, get_resolver
from django.urls.resolvers import URLPattern

from tasks.routing import all_sockets

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Route:
    """One address. `shown` is like `/tasks/{run_id}/`."""

    shown: str
    name: str | None
    view: Callable[..., Any] | None = None

    @property
    def part(self) -> str:
        """The part of the document it stands in."""
        first = self.shown.split("/")[1]
        return {"api": "API", "admin": "Admin", "ws": "Sockets"}.get(first, "Pages")

    def path(self, things: Mapping[str, object]) -> str:
        """Its address with one of `things` for each parameter. KeyError: a parameter nobody has named a thing for."""
        return PARAMETER.sub(lambda found: str(things[found[1]]), self.shown)


def every_route() -> list[Route]:
    """All of HTTP, each address once however many methods or patterns share it."""
    found = {route.shown: route for route in _walk(get_resolver().url_patterns, "/")}
    return [found[shown] for shown in sorted(found)]


def every_socket() -> list[str]:
    """All addresses of sockets."""
    return sorted(_shown(pattern.pattern, "/") for pattern in all_sockets)


def _walk(patterns: list[Any], above: str, namespace: str = "") -> Iterator[Route]:
    for pattern in patterns:
        here = _shown(pattern.pattern, above)
        if isinstance(pattern, URLResolver):
            inside = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _walk(pattern.url_patterns, here, inside)
        else:
            assert isinstance(pattern, URLPattern)
            yield Route(here, pattern.name and namespace + pattern.name, pattern.callback)


def _shown(pattern: Any, above: str) -> str:
    written = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", str(pattern)))
    return above + written.removeprefix("^").removesuffix("$")

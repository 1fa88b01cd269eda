"""Server-rendered HTML of frames, for sockets opened with `?content=html&lang=de`."""

from collections.abc import Callable, Iterable, Mapping

from django.utils import translation

from .frames import Frame
from .languages import spoken

type Render = Callable[[Frame], str]

PONG = "<!-- pong -->"  # what HTML sockets hear after `ping`: nothing to draw, but somebody is there

_renderers: dict[str, Render] = {}


def register(frame_type: str, render: Render) -> None:
    """`render(frame)` gives the HTML of frames of this type: elements that htmx swaps in by their ids.

    It is synchronous, may query the database, and is called at most once per frame, language and process.
    """
    _renderers[frame_type] = render


def has_renderer(frame: Frame) -> bool:
    """Would HTML sockets hear of this frame at all?"""
    return frame.get("type") in _renderers


def language_of(query: Mapping[str, str]) -> str:
    """The language of the HTML that a socket with this query hears; empty for one that hears JSON."""
    if query.get("content") != "html":
        return ""
    return spoken(query.get("lang", ""))


def render(frame: Frame, languages: Iterable[str]) -> dict[str, str]:
    """The frame's HTML by language; empty texts if nobody renders its type."""
    renderer = _renderers.get(str(frame.get("type")))
    html = {}
    for language in languages:
        with translation.override(language):
            text = "" if renderer is None else renderer(frame)
        # A fragment that cannot be encoded would end the socket.
        html[language] = text.encode("utf-8", "replace").decode()
    return html

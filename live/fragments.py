"""Server-rendered HTML of frames, for sockets opened with `?content=html`."""

from collections.abc import Callable

from .frames import Frame

type Render = Callable[[Frame], str]

PONG = "<!-- pong -->"  # what HTML sockets hear after `ping`: nothing to draw, but somebody is there

_renderers: dict[str, Render] = {}


def register(frame_type: str, render: Render) -> None:
    """`render(frame)` gives the HTML of frames of this type: elements that htmx swaps in by their ids.

    It is synchronous, may query the database, and is called at most once per frame and process.
    """
    _renderers[frame_type] = render


def has_renderer(frame: Frame) -> bool:
    """Would HTML sockets hear of this frame at all?"""
    return frame.get("type") in _renderers


def render(frame: Frame) -> str:
    """The frame's HTML; empty if nobody renders its type."""
    renderer = _renderers.get(str(frame.get("type")))
    if renderer is None:
        return ""
    # A fragment that cannot be encoded would end the socket.
    return renderer(frame).encode("utf-8", "replace").decode()

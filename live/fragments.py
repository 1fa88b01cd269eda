"""Server-rendered HTML of frames, for sockets opened with `?content=html&lang=de`."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from django.utils import translation

from .frames import Frame
from .languages import spoken

type Render = Callable[[Sequence[Frame]], Sequence[str]]

PONG = "<!-- pong -->"  # what HTML sockets hear after `ping`: nothing to draw, but somebody is there

_renderers: dict[str, Render] = {}


def register(frame_type: str, render: Render) -> None:
    """`render(frames)` gives the HTML of each of these frames of this type: elements that htmx swaps in by their ids.

    It is synchronous, may query the database, and sees a frame once per language and process; with it those that
    arrived meanwhile, so what is asked for all of them is asked once.
    """
    _renderers[frame_type] = render


def one_by_one(render: Callable[[Frame], str]) -> Render:
    """For `register`, where `render(frame)` asks nothing that could be asked for several."""
    return lambda frames: [render(frame) for frame in frames]


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
    [html] = render_all([(frame, frozenset(languages))])
    return html


def render_all(wanted: Sequence[tuple[Frame, Collection[str]]]) -> list[dict[str, str]]:
    """The HTML of each of these frames, in the languages named with it."""
    html: list[dict[str, str]] = [dict.fromkeys(languages, "") for _, languages in wanted]
    together: dict[tuple[str, str], list[int]] = {}
    for place, (frame, languages) in enumerate(wanted):
        for language in languages:
            together.setdefault((str(frame.get("type")), language), []).append(place)
    for (kind, language), places in together.items():
        if kind not in _renderers:
            continue
        with translation.override(language):
            texts = _renderers[kind]([wanted[place][0] for place in places])
        for place, text in zip(places, texts, strict=True):
            # A fragment that cannot be encoded would end the socket.
            html[place][language] = text.encode("utf-8", "replace").decode()
    return html

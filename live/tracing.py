"""Spans for OpenTelemetry: what a request, a run and a frame took, and which of them belong together.

Only its API is used, and only once somebody has set up where spans go (statusproj/tracing.py does, by the OTEL_…
variables; so does `opentelemetry-instrument`). Until then nothing of it is imported, and everything here does nothing,
for the price of a call. Messages of exceptions are not told to a span, only their class: they may hold what is secret.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

type Kind = Literal["internal", "server", "client", "producer", "consumer"]

NAME = "statusproj"
KEYS = frozenset({"traceparent", "tracestate"})  # what a carrier holds, by the W3C's names
LONGEST_STATE = 512  # characters: a stranger's request may bring it, and it is kept with each run


class Span:
    """Something that takes time. Without a `span` to tell it to, nothing is told to anybody."""

    __slots__ = ("_span",)

    def __init__(self, span: Any = None) -> None:
        self._span = span

    def says(self, **attributes: str | int | float | bool) -> None:
        """Add attributes; `__` in a name stands for the dot."""
        if self._span is not None:
            self._span.set_attributes({name.replace("__", "."): value for name, value in attributes.items()})

    def is_called(self, name: str) -> None:
        """Give it the name that is known only now."""
        if self._span is not None:
            self._span.update_name(name)

    def failed(self, why: str = "") -> None:
        """It went wrong."""
        if self._span is not None:
            self._span.set_status(_api().StatusCode.ERROR, why or None)

    def end(self) -> None:
        """It is over. Only for what `begin` began."""
        if self._span is not None:
            self._span.end()


NOTHING = Span()


_postponed: list[Callable[[], object]] | None = None


def set_up_with(configure: Callable[[], object]) -> None:
    """Call what sets up where spans go: now, or in the children of a fork server, one by one."""
    if _postponed is None:
        configure()
    else:
        _postponed.append(configure)


def postpone_set_up() -> None:
    """This is a fork server: what sends spans has a thread, and a process with threads is not to be forked."""
    global _postponed
    _postponed = []


def is_on() -> bool:
    """Does anybody take spans?"""
    ask = getattr(_api(), "get_tracer_provider", None)  # nobody has set one while the module is still being imported
    return ask is not None and not isinstance(ask(), _api().ProxyTracerProvider)


@contextmanager
def span(
    name: str, *, kind: Kind = "internal", parent: Mapping[str, Any] | None = None, **attributes: Any
) -> Iterator[Span]:
    """What happens inside is part of it. `parent`: the carrier of where it goes back to, instead of what is around it.

    Attributes are named as for `Span.says`. An exception marks it as failed, and goes on.
    """
    if not is_on():
        yield NOTHING
        return
    from opentelemetry import propagate

    begun = (
        _api()
        .get_tracer(NAME)
        .start_span(
            name,
            context=None if parent is None else propagate.extract(_bounded(parent)),
            kind=_api().SpanKind[kind.upper()],
        )
    )
    with _api().use_span(begun, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        handle = Span(begun)
        handle.says(**attributes)
        try:
            yield handle
        except BaseException as error:
            handle.failed(type(error).__qualname__)
            raise


def begin(name: str, *, kind: Kind = "internal", **attributes: Any) -> Span:
    """Something that belongs to what is around it, and ends elsewhere: with `end()`. None of its own without that."""
    if not is_on() or not _api().get_current_span().is_recording():
        return NOTHING
    handle = Span(_api().get_tracer(NAME).start_span(name, kind=_api().SpanKind[kind.upper()]))
    handle.says(**attributes)
    return handle


def carrier() -> dict[str, str]:
    """What leads to the present span from elsewhere, as W3C headers (`traceparent`, …); empty where there is none."""
    if not is_on():
        return {}
    from opentelemetry import propagate

    headers: dict[str, str] = {}
    propagate.inject(headers)
    return _bounded(headers)


def trace_id() -> str:
    """The trace that this belongs to, as 32 hexadecimal digits; empty for none."""
    if not is_on():
        return ""
    context = _api().get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else ""


def set_up_child() -> None:
    """In a child of a fork server: make up for what was postponed there."""
    for configure in _postponed or []:
        configure()


def flush(seconds: float = 1.0) -> None:
    """Send what has ended, before this process is ended from outside."""
    if is_on():
        send = getattr(_api().get_tracer_provider(), "force_flush", None)
        if send is not None:
            send(int(seconds * 1000))


def _api() -> Any:
    """OpenTelemetry's API, if anybody has imported it: who sets up where spans go has."""
    return sys.modules.get("opentelemetry.trace")


def _bounded(said: Mapping[str, Any]) -> dict[str, str]:
    found = {name: value for name, value in said.items() if name in KEYS and isinstance(value, str)}
    return {name: value for name, value in found.items() if len(value) <= LONGEST_STATE}

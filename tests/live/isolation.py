"""Tests run on loops of their own; nothing of one may reach the next."""

from collections.abc import Iterator

from channels.layers import channel_layers

from live import database, fragments, publishing, sources
from tests.live.sockets import things


def clean_live_state() -> Iterator[None]:
    """Fresh layers, no loop chosen, the test's own sources registered; everything put back afterwards."""
    kept = [
        (registry, dict(registry))
        for registry in (sources._rereads, sources._personalizers, sources._guards, fragments._renderers)
    ]
    channel_layers.backends.clear()
    publishing._outbox = None
    sources.register("thing", things.reread)
    sources.guard("thing", things.refusals)
    yield
    for registry, content in kept:
        registry.clear()
        registry.update(content)  # type: ignore[arg-type]
    channel_layers.backends.clear()
    publishing._outbox = None
    database.close_connections()

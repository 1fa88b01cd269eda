"""What tests of sockets share."""

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from tests.live.isolation import clean_live_state
from tests.live.sockets import Things, things
from tests.servers import free_port, require


@pytest.fixture(autouse=True)
def live_state() -> Iterator[None]:
    """No layer, loop or hub of an earlier test."""
    yield from clean_live_state()


@pytest.fixture(autouse=True)
def fresh_things() -> Things:
    """The things, forgotten."""
    vars(things).update(vars(Things()))
    return things


@pytest.fixture
def redis_port(settings: Settings) -> int:
    """Where the layer looks for its server; none runs yet."""
    require("redis-server")
    port = free_port()
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "live.redis_layer.RedisLayer",
            "CONFIG": {"hosts": [f"redis://127.0.0.1:{port}/0"]},
        }
    }
    settings.LIVE_RECONCILE_SECONDS = 0.1
    return port

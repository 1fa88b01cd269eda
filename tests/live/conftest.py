"""What tests of sockets share."""

from collections.abc import Iterator

import pytest

from tests.live.isolation import clean_live_state
from tests.live.sockets import Things, things


@pytest.fixture(autouse=True)
def live_state() -> Iterator[None]:
    """No layer, loop or hub of an earlier test."""
    yield from clean_live_state()


@pytest.fixture(autouse=True)
def fresh_things() -> Things:
    """The things, forgotten."""
    vars(things).update(vars(Things()))
    return things

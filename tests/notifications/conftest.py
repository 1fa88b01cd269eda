"""What tests of notifications share."""

from collections.abc import Iterator

import pytest

from tests.live.isolation import clean_live_state


@pytest.fixture(autouse=True)
def live_state() -> Iterator[None]:
    """No layer, loop or hub of an earlier test."""
    yield from clean_live_state()

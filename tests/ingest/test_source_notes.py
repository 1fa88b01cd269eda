"""What is written down about a source after it was read."""

import pytest

from ingest.sources.notes import pause_after


@pytest.mark.parametrize(
    ("failures", "asked", "minutes"), [(1, None, 5), (2, None, 10), (5, None, 80), (50, None, 1440)]
)
def test_a_source_is_left_alone_longer_each_time(failures: int, asked: float | None, minutes: int) -> None:
    assert pause_after(failures, asked).total_seconds() == minutes * 60


@pytest.mark.parametrize(("asked", "seconds"), [(10, 300), (3600, 3600), (10**9, 604_800)])
def test_a_source_is_left_alone_as_long_as_it_asks_but_never_given_up(asked: float, seconds: int) -> None:
    assert pause_after(1, asked).total_seconds() == seconds

"""Times as clients write them."""

from datetime import datetime

import pytest

from live.moments import in_utc


def test_an_offset_that_postgres_has_no_room_for_is_the_same_moment_in_utc() -> None:
    assert in_utc(datetime.fromisoformat("2026-11-26T23:30:00+23:59")).isoformat() == "2026-11-25T23:31:00+00:00"


@pytest.mark.parametrize("text", ["2026-11-26T23:30:00", "0001-01-01T00:00:00+01:00", "9999-12-31T23:30:00-01:00"])
def test_a_time_that_is_none_is_said_so(text: str) -> None:
    with pytest.raises(ValueError, match=r"time"):
        in_utc(datetime.fromisoformat(text))

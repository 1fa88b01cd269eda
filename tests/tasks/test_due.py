"""When a cron line or an interval is due next, through every change of clocks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.due import check_cron, next_cron, next_interval

NEW_YORK = "America/New_York"


def dues(cron: str, zone: str, after: datetime, count: int) -> list[str]:
    """The next `count` times, as the wall clock of `zone` shows them."""
    found = []
    for _ in range(count):
        after = next_cron(cron, zone, after)
        found.append(after.astimezone(ZoneInfo(zone)).strftime("%d %H:%M %z"))
    return found


def utc(*parts: int) -> datetime:
    """A moment in UTC."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_a_line_is_read_on_the_wall_clock_of_its_zone() -> None:
    assert next_cron("0 6 * * *", "Europe/Berlin", utc(2026, 1, 10)) == utc(2026, 1, 10, 5)
    assert next_cron("0 6 * * *", "Europe/Berlin", utc(2026, 7, 10)) == utc(2026, 7, 10, 4)
    assert next_cron("0 6 * * mon-fri", "UTC", utc(2026, 1, 10)) == utc(2026, 1, 12, 6)


def test_a_time_is_never_due_at_the_moment_it_is_asked_for() -> None:
    assert next_cron("0 6 * * *", "UTC", utc(2026, 1, 10, 6)) == utc(2026, 1, 11, 6)
    assert next_cron("0 6 * * *", "UTC", utc(2026, 1, 10, 5, 59, 59, 999_999)) == utc(2026, 1, 10, 6)


def test_a_fixed_hour_that_the_clock_jumps_over_is_due_later_that_night() -> None:
    assert dues("30 2 * * *", NEW_YORK, utc(2026, 3, 7, 12), 3) == [
        "08 03:30 -0400",
        "09 02:30 -0400",
        "10 02:30 -0400",
    ]


def test_a_fixed_hour_that_comes_twice_is_due_once() -> None:
    expected = ["31 01:30 -0400", "01 01:30 -0400", "02 01:30 -0500"]
    assert dues("30 1 * * *", NEW_YORK, utc(2026, 10, 31), 3) == expected


def test_every_so_many_minutes_stays_so_through_both_changes() -> None:
    for start in (utc(2026, 3, 8, 4), utc(2026, 11, 1, 3)):
        moment = start
        for number in range(1, 25):
            moment = next_cron("*/30 * * * *", NEW_YORK, moment)
            assert moment == start + number * timedelta(minutes=30)


def test_a_change_of_half_an_hour_loses_and_doubles_nothing() -> None:
    assert dues("15 2 * * *", "Australia/Lord_Howe", utc(2026, 10, 2, 20), 2) == ["04 02:45 +1100", "05 02:15 +1100"]
    assert dues("45 1 * * *", "Australia/Lord_Howe", utc(2026, 4, 4), 2) == ["05 01:45 +1100", "06 01:45 +1030"]


@given(
    st.integers(0, 3 * 365 * 24 * 60).map(lambda minutes: utc(2025, 1, 1) + timedelta(minutes=minutes)),
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from(["UTC", NEW_YORK, "Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca"]),
)
def test_a_daily_line_is_due_once_a_day_whatever_the_clocks_do(
    after: datetime, hour: int, minute: int, zone: str
) -> None:
    first = next_cron(f"{minute} {hour} * * *", zone, after)
    second = next_cron(f"{minute} {hour} * * *", zone, first)
    assert after < first <= after + timedelta(hours=26)
    assert timedelta(hours=22) <= second - first <= timedelta(hours=26)


@pytest.mark.parametrize(
    "line", ["", "* * * *", "* * * * * *", "61 * * * *", "0 0 30 2 *", "R * * * *", "H * * * *", "x y z a b", "@daily"]
)
def test_lines_that_are_never_due_or_mean_something_else_are_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"cron line|drawn at random"):
        check_cron(line)


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        next_cron("0 6 * * *", "Europe/Berlim", utc(2026, 1, 1))


def test_an_interval_counts_from_the_last_due_time_and_makes_up_for_nothing() -> None:
    due, every = utc(2026, 1, 1, 12), timedelta(minutes=10)
    assert next_interval(due, every, due + timedelta(seconds=3)) == due + every
    assert next_interval(due, every, due + every) == due + 2 * every
    assert next_interval(due, every, due + timedelta(days=3, seconds=1)) == due + timedelta(days=3, minutes=10)
    with pytest.raises(ValueError, match="longer than zero"):
        next_interval(due, timedelta(), due)

"""When a person hears of what: pure rules."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.policy import Habits, due_at, when_to_tell
from notifications.types import CHOICES, Channel, NotificationType, When

ORDINARY = NotificationType(name="ordinary", label="Ordinary")
URGENT = NotificationType(name="urgent", label="Urgent", is_required=True)
BERLIN = "Europe/Berlin"
CLOCK = st.integers(0, 24 * 60 - 1).map(lambda minutes: time(*divmod(minutes, 60)))


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def test_what_was_chosen_for_a_type_goes_before_everything_else_and_that_before_the_default() -> None:
    assert when_to_tell("task_failed", Channel.EMAIL, Habits()) == When.NEVER
    everything = {"": {"email": "daily"}}
    assert when_to_tell("task_failed", Channel.EMAIL, Habits(chosen=everything)) == When.DAILY
    both = everything | {"task_failed": {"email": "at_once"}}
    assert when_to_tell("task_failed", Channel.EMAIL, Habits(chosen=both)) == When.AT_ONCE
    assert when_to_tell("task_completed", Channel.EMAIL, Habits(chosen=both)) == When.DAILY


@pytest.mark.parametrize("stored", ["weekly", "", "hourly"])
def test_a_stored_choice_that_means_nothing_counts_as_none(stored: str) -> None:
    habits = Habits(chosen={"task_failed": {"in_app": stored}})
    assert when_to_tell("task_failed", Channel.IN_APP, habits) == When.AT_ONCE


@pytest.mark.parametrize(
    ("when", "now", "due"),
    [
        (When.AT_ONCE, "2026-03-10T09:12:13", "2026-03-10T09:12:13"),
        (When.HOURLY, "2026-03-10T09:12:13", "2026-03-10T10:00:00"),
        (When.HOURLY, "2026-03-10T09:00:00", "2026-03-10T10:00:00"),
        (When.DAILY, "2026-03-10T07:59:59", "2026-03-10T08:00:00"),
        (When.DAILY, "2026-03-10T08:00:00", "2026-03-11T08:00:00"),
    ],
)
def test_gathered_news_goes_out_at_the_full_hour_or_the_persons_hour(when: When, now: str, due: str) -> None:
    assert due_at(when, ORDINARY, Habits(), at(now)) == at(due)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-10T21:59:00", "2026-03-10T21:59:00"),
        ("2026-03-10T22:00:00", "2026-03-11T07:30:00"),
        ("2026-03-11T03:00:00", "2026-03-11T07:30:00"),
        ("2026-03-11T07:30:00", "2026-03-11T07:30:00"),
        # The night in which the clock is put forward has an hour less, and still ends at half past seven.
        ("2026-03-28T23:00:00", "2026-03-29T07:30:00"),
    ],
)
def test_what_falls_into_quiet_hours_waits_for_their_end_on_the_persons_clock(now: str, due: str) -> None:
    habits = Habits(time_zone=BERLIN, quiet_from=time(22), quiet_until=time(7, 30))
    assert due_at(When.AT_ONCE, ORDINARY, habits, at(now, BERLIN)) == at(due, BERLIN)


def test_quiet_hours_within_one_day() -> None:
    habits = Habits(quiet_from=time(12), quiet_until=time(13))
    assert due_at(When.AT_ONCE, ORDINARY, habits, at("2026-03-10T12:10:00")) == at("2026-03-10T13:00:00")
    assert due_at(When.AT_ONCE, ORDINARY, habits, at("2026-03-10T13:10:00")) == at("2026-03-10T13:10:00")


def test_what_is_required_waits_for_no_quiet_hours() -> None:
    habits = Habits(quiet_from=time(0), quiet_until=time(23))
    now = at("2026-03-10T12:10:00")
    assert due_at(When.AT_ONCE, URGENT, habits, now) == now


@given(
    when=st.sampled_from([When.AT_ONCE, When.HOURLY, When.DAILY]),
    zone=st.sampled_from(["UTC", BERLIN, "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe"]),
    now=st.integers(1_580_000_000, 1_890_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    quiet=st.none() | st.tuples(CLOCK, CLOCK),
    hour=st.integers(0, 23),
)
def test_nothing_is_due_in_the_past_nor_later_than_two_days(
    when: When, zone: str, now: datetime, quiet: tuple[time, time] | None, hour: int
) -> None:
    start, end = quiet or (None, None)
    due = due_at(when, ORDINARY, Habits(time_zone=zone, quiet_from=start, quiet_until=end, daily_at=hour), now)
    assert due is not None
    assert now - timedelta(minutes=1) <= due <= now + timedelta(days=2, hours=2)


def test_never_is_never_due() -> None:
    assert due_at(When.NEVER, ORDINARY, Habits(), at("2026-03-10T12:10:00")) is None


def test_every_channel_can_be_turned_off() -> None:
    assert all(When.NEVER in choices for choices in CHOICES.values())

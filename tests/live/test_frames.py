"""Frames as they are built and encoded."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import uuid4

import msgpack
from hypothesis import given
from hypothesis import strategies as st

from live import frames

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes() | st.uuids() | st.decimals(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


def test_a_payload_cannot_overwrite_the_envelope() -> None:
    forged = {
        "type": "pong",
        "job_id": "other",
        "timestamp": "never",
        "seq": 99,
        "status": "completed",
        "total": 3,
    }
    frame = frames.job_update("mine", seq=1, status="progress", payload=forged)
    assert (frame["type"], frame["job_id"], frame["seq"], frame["status"]) == (
        "job_update",
        "mine",
        1,
        "progress",
    )
    assert frame["timestamp"] != "never"
    assert frame["total"] == 3


def test_times_are_utc_with_milliseconds_and_z() -> None:
    in_berlin = datetime(2026, 7, 1, 14, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    assert frames.timestamp(in_berlin) == "2026-07-01T12:00:00.123Z"
    assert frames.timestamp().endswith("Z")


def test_a_naive_time_is_taken_as_utc() -> None:
    assert frames.timestamp(datetime(2026, 7, 1, 14)) == "2026-07-01T14:00:00.000Z"  # noqa: DTZ001


@given(anything)
def test_any_payload_can_be_sent(value: object) -> None:
    text = frames.encode(frames.job_update("a", seq=1, status="log", payload={"value": value}))
    json.loads(text, parse_constant=lambda name: 1 / 0)
    text.encode()


@given(anything)
def test_any_payload_can_cross_the_layer(value: object) -> None:
    assert msgpack.packb(frames.plain(value)) is not None


def test_plain_keeps_what_json_knows() -> None:
    value = {"a": [1, 2.5, None, True, "ü"], "b": {"c": "d"}}
    assert frames.plain(value) == value


def test_plain_tames_the_rest() -> None:
    identity = uuid4()
    assert frames.plain(
        {
            1: float("nan"),
            "at": datetime(2026, 1, 1, tzinfo=UTC),
            "n": Decimal("1.5"),
            "id": identity,
            "big": 2**70,
        }
    ) == {"1": None, "at": "2026-01-01T00:00:00.000Z", "n": 1.5, "id": str(identity), "big": str(2**70)}


def test_only_progress_is_replaceable() -> None:
    replaceable = {
        status
        for status in (
            "pending",
            "progress",
            "batch_update",
            "log",
            "completed",
            "error",
            "cancelling",
            "cancelled",
        )
        if frames.is_replaceable(frames.job_update("a", seq=1, status=status))
    }
    assert replaceable == {"pending", "progress"}
    assert frames.is_replaceable(frames.unread_count(3))
    assert not frames.is_replaceable(frames.notification({"id": 1}, unread_count=3))


def test_short_frames_name_the_run_they_speak_of() -> None:
    for make, kind in (
        (frames.subscribed, "subscribed"),
        (frames.unsubscribed, "unsubscribed"),
        (frames.reset, "reset"),
    ):
        frame = make("a")
        assert (frame["type"], frame["job_id"]) == (kind, "a")
        assert frame["timestamp"].endswith("Z")
    answer = frames.status_request({"id": "a", "started_at": None}, job_id="a")
    assert (answer["type"], answer["job_id"], answer["task"]) == (
        "status_request",
        "a",
        {"id": "a", "started_at": None},
    )

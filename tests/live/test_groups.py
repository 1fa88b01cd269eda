"""Names of groups."""

import pytest
from channels.layers import InMemoryChannelLayer
from hypothesis import given
from hypothesis import strategies as st

from live.groups import Group


@given(st.text())
def test_any_key_gives_a_name_every_layer_accepts(key: str) -> None:
    name = Group("topic", key).name
    assert len(name) < 100
    assert InMemoryChannelLayer().require_valid_group_name(name)


@given(st.text(max_size=80), st.text(max_size=80))
def test_two_keys_never_share_a_name(one: str, other: str) -> None:
    assert (Group("topic", one).name == Group("topic", other).name) == (one == other)


def test_a_key_cannot_pose_as_the_digest_of_another() -> None:
    digest_name = Group("topic", "ü").name
    assert Group("topic", digest_name.removeprefix("topic.")).name != digest_name


def test_a_plain_key_stays_readable() -> None:
    assert Group("run", "550e8400-e29b-41d4-a716-446655440000").name == "run.550e8400-e29b-41d4-a716-446655440000"


def test_a_kind_is_a_plain_word() -> None:
    with pytest.raises(ValueError, match="kind"):
        _ = Group("Not a word", "1").name

"""Values as trees: readable, bounded, and without secrets."""

from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.models import TaskEvent
from tasks.timeline import lines_of
from tasks.trees import MAX_DEPTH, MAX_ITEMS, MAX_NODES, MAX_TEXT, Node, tree_of

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=10), inner, max_size=8),
    max_leaves=60,
)


def flat(nodes: tuple[Node, ...]) -> list[Node]:
    """All nodes of a tree."""
    return list(chain.from_iterable([node, *flat(node.children)] for node in nodes))


@given(json_values)
def test_every_value_has_a_tree(value: Any) -> None:
    assert all(isinstance(node.text, str) for node in flat(tree_of(value)))


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "none", "none"), (True, "word", "yes"), (False, "word", "no"), (1234, "number", "1,234"),
        (0.25, "number", "0.25"), ("", "none", "empty"), ("text", "text", "text"),
    ],
)  # fmt: skip
def test_plain_values_are_said_plainly(value: Any, kind: str, text: str) -> None:
    (node,) = tree_of(value)
    assert (node.kind, node.text) == (kind, text)


def test_secrets_are_hidden_by_their_keys_and_inside_texts() -> None:
    nodes = flat(tree_of({"password": "p", "deep": {"X-Api-Key": [1], "url": "https://me:pw@host/?token=abc"}}))
    assert [node.text for node in nodes if node.kind == "hidden"] == ["hidden", "hidden"]
    assert not any("pw" in node.text or "abc" in node.text for node in nodes)


def test_a_secret_that_is_not_set_is_not_hidden() -> None:
    assert tree_of({"token": None})[0].kind == "none"


def test_large_values_are_cut_and_say_so() -> None:
    deep: Any = "end"
    for _ in range(50):
        deep = {"in": deep}
    wide = {"many": list(range(10_000)), "long": "x" * 10_000, "deep": deep}
    nodes = flat(tree_of(wide))
    assert len(nodes) < MAX_ITEMS + MAX_DEPTH + 10
    assert any(node.text == f"and {10_000 - MAX_ITEMS:,} more" for node in nodes)
    assert max(len(node.text) for node in nodes) <= MAX_TEXT


def test_a_tree_has_a_bound_however_it_branches() -> None:
    value: Any = list(range(40))
    for _ in range(4):
        value = [value] * 40
    assert len(flat(tree_of(value))) <= MAX_NODES + MAX_DEPTH * MAX_ITEMS


@pytest.mark.parametrize(
    ("data", "text", "note"),
    [
        ({"status": "pending"}, "Queued", ""),
        ({"status": "pending", "reason": "retry", "attempt": 2, "error": "no"}, "Attempt 1 failed; back in line", "no"),
        ({"status": "pending", "reason": "worker lost"}, "Its worker was lost; back in line", ""),
        ({"status": "pending", "reason": "shutdown"}, "Its worker was stopped; back in line", ""),
        ({"status": "running", "attempt": 1}, "Started", ""),
        ({"status": "running", "attempt": 3}, "Started, attempt 3", ""),
        ({"status": "cancelling", "by": "ada", "reason": "wrong"}, "ada asked to cancel", "wrong"),
        ({"status": "cancelled"}, "Cancelled", ""),
        ({"status": "completed", "message": "Saved 3"}, "Completed", "Saved 3"),
        ({"status": "failed", "error": "no"}, "Failed", "no"),
        ({"status": "new in the next version"}, "New in the next version", ""),
        ({}, "Changed", ""),
    ],
)
def test_every_event_is_told_in_words(data: dict[str, Any], text: str, note: str) -> None:
    (line,) = lines_of([TaskEvent(seq=1, kind="state", data=data)])
    assert (line.text, line.note) == (text, note)

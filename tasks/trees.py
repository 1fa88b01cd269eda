"""Arguments and results as a tree a person can read: bounded in depth, width and text, secrets hidden."""

import json
from dataclasses import dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from .redaction import is_secret, redact
from .text import fit, mask_secrets

MAX_DEPTH = 6
MAX_ITEMS = 50
MAX_NODES = 400
MAX_TEXT = 500
MAX_JSON = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One value. `kind`: group (with `children`), text, number, word (yes, no), none, hidden or more."""

    key: str
    kind: str
    text: str
    children: tuple["Node", ...] = ()
    open: bool = False


def tree_of(value: Any) -> tuple[Node, ...]:
    """The top nodes of `value` (JSON types); a plain value becomes one node without a key."""
    builder = _Builder()
    if isinstance(value, dict | list):
        return builder.children(value, depth=0)
    return (builder.node("", value, depth=0),)


def json_of(value: Any) -> str:
    """`value` as JSON to be copied: secrets hidden, and cut where it would be too much for a page."""
    text = json.dumps(redact(value), indent=2, ensure_ascii=False, cls=DjangoJSONEncoder)
    return text if len(text) <= MAX_JSON else f"{text[:MAX_JSON]}\n… cut: all of it is {len(text):,} characters"


class _Builder:
    def __init__(self) -> None:
        self.left = MAX_NODES

    def node(self, key: str, value: Any, *, depth: int) -> Node:
        self.left -= 1
        if is_secret(key, value):
            return Node(key=key, kind="hidden", text="hidden")
        match value:
            case None:
                return Node(key=key, kind="none", text="none")
            case bool():
                return Node(key=key, kind="word", text="yes" if value else "no")
            case int():
                return Node(key=key, kind="number", text=f"{value:,}")
            case float():
                return Node(key=key, kind="number", text=f"{value:,.6g}")
            case dict() | list():
                return self._group(key, value, depth=depth)
        text = mask_secrets(fit(value, MAX_TEXT))
        return Node(key=key, kind="text" if text else "none", text=text or "empty")

    def _group(self, key: str, value: dict[str, Any] | list[Any], *, depth: int) -> Node:
        size = f"{len(value):,} {'entry' if len(value) == 1 else 'entries'}"
        if not value:
            return Node(key=key, kind="none", text="empty")
        if depth >= MAX_DEPTH or self.left <= 0:
            return Node(key=key, kind="more", text=f"{size}, not shown")
        children = self.children(value, depth=depth + 1)
        return Node(key=key, kind="group", text=size, children=children, open=depth == 0 and len(value) <= 12)

    def children(self, value: dict[str, Any] | list[Any], *, depth: int) -> tuple[Node, ...]:
        pairs = value.items() if isinstance(value, dict) else enumerate(value, start=1)
        nodes = []
        for index, (key, item) in enumerate(pairs):
            if index >= MAX_ITEMS or self.left <= 0:
                nodes.append(Node(key="", kind="more", text=f"and {len(value) - index:,} more"))
                break
            nodes.append(self.node(str(key), item, depth=depth))
        return tuple(nodes)

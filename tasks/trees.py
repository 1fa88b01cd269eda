"""Arguments and results as a tree a person can read: bounded in depth, width and text, secrets hidden."""

import json
from dataclasses import dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from live.numbers import grouped

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
    return text if len(text) <= MAX_JSON else f"{text[:MAX_JSON]}\n{_cut(len(text))}"


def _cut(characters: int) -> str:
    return _("… cut: all of it is %(number)s characters") % {"number": grouped(characters)}


def _figures(value: float) -> str:
    """A number to six figures. What has an exponent, or is none, has nothing to be set apart."""
    text = f"{value:.6g}"
    return number_format(text, force_grouping=True) if text.strip("-").replace(".", "").isdecimal() else text


class _Builder:
    def __init__(self) -> None:
        self.left = MAX_NODES

    def node(self, key: str, value: Any, *, depth: int) -> Node:
        self.left -= 1
        if is_secret(key, value):
            return Node(key=key, kind="hidden", text=_("hidden"))
        match value:
            case None:
                return Node(key=key, kind="none", text=pgettext("a value", "none"))
            case bool():
                return Node(key=key, kind="word", text=_("yes") if value else _("no"))
            case int():
                return Node(key=key, kind="number", text=grouped(value))
            case float():
                return Node(key=key, kind="number", text=_figures(value))
            case dict() | list():
                return self._group(key, value, depth=depth)
        text = mask_secrets(fit(value, MAX_TEXT))
        return Node(key=key, kind="text" if text else "none", text=text or pgettext("a value", "empty"))

    def _group(self, key: str, value: dict[str, Any] | list[Any], *, depth: int) -> Node:
        size = ngettext("%(count)s entry", "%(count)s entries", len(value)) % {"count": grouped(len(value))}
        if not value:
            return Node(key=key, kind="none", text=pgettext("a value", "empty"))
        if depth >= MAX_DEPTH or self.left <= 0:
            return Node(key=key, kind="more", text=_("%(entries)s, not shown") % {"entries": size})
        children = self.children(value, depth=depth + 1)
        return Node(key=key, kind="group", text=size, children=children, open=depth == 0 and len(value) <= 12)

    def children(self, value: dict[str, Any] | list[Any], *, depth: int) -> tuple[Node, ...]:
        pairs = value.items() if isinstance(value, dict) else enumerate(value, start=1)
        nodes = []
        for index, (key, item) in enumerate(pairs):
            if index >= MAX_ITEMS or self.left <= 0:
                left = grouped(len(value) - index)
                nodes.append(Node(key="", kind="more", text=_("and %(count)s more") % {"count": left}))
                break
            nodes.append(self.node(str(key), item, depth=depth))
        return tuple(nodes)

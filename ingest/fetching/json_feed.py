"""JSON Feed, versions 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/): the feed of those who dislike XML."""

import json
from datetime import UTC, datetime
from typing import Any

from django.utils.dateparse import parse_datetime

VERSION = "https://jsonfeed.org/version/"


def read_json_feed(body: bytes) -> dict[str, Any]:
    """The feed in `body` as the dictionary it is. Raises ValueError for what is no JSON Feed."""
    try:
        # utf-8-sig: a byte order mark is forbidden, and sent all the same.
        document = json.loads(body.decode("utf-8-sig", errors="replace"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(document, dict) or not isinstance(document.get("items"), list):
        raise ValueError("no list of items")
    # Some write http, some leave the version out; who has items and nothing of a feed is something else.
    version = str(document.get("version", "")).replace("http://", "https://").replace("//www.", "//")
    if not version.startswith(VERSION):
        raise ValueError("no version of JSON Feed")
    return document


def text_of(item: dict[str, Any], key: str) -> str:
    """The text under `key`; "" for what is missing or no text. Numbers count as texts: some write ids so."""
    value = item.get(key)
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def author_of(item: dict[str, Any]) -> str:
    """The names of its `authors` (1.1), else of its `author` (1.0)."""
    authors = item.get("authors")
    people = authors if isinstance(authors, list) and authors else [item.get("author")]
    return ", ".join(name for one in people if isinstance(one, dict) and (name := text_of(one, "name")))


def date_of(item: dict[str, Any]) -> datetime | None:
    """When it was published, else modified, in UTC; None when the feed says nothing sensible."""
    for key in ("date_published", "date_modified"):
        try:
            moment = parse_datetime(text_of(item, key).strip())
            if moment is not None:
                return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None

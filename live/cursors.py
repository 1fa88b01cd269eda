"""Where the next page of a list begins, as a text for addresses: what the list is in order of, and the key of a row."""

import base64


def encode(place: str, key: object) -> str:
    """For `place`, which has no space in it, and `key`: letters, digits, `-` and `_`."""
    return base64.urlsafe_b64encode(f"{place} {key}".encode()).decode().rstrip("=")


def decode(cursor: str) -> tuple[str, str]:
    """What `encode` was given, as texts that may be anything. Raises ValueError for what no bytes stand for."""
    place, _space, key = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode().partition(" ")
    return place, key

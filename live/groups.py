"""Groups: the addresses frames are published to and sockets watch."""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

_SAFE_KEY = re.compile(r"[A-Za-z0-9_-]{1,60}")
_SAFE_KIND = re.compile(r"[a-z_]{1,30}")


@dataclass(frozen=True, slots=True)
class Group:
    """Everyone who watches one thing: a run, a topic of an owner, a user.

    `kind` says what sort of thing (lower-case letters and underscores), `key` says which. A key may be any
    text: the `name` that reaches the channel layer is made safe and stays the same in every process.
    """

    kind: str
    key: str

    @property
    def name(self) -> str:
        """The group's name in the channel layer: at most 99 characters that every layer accepts."""
        return _name(self.kind, self.key)


@lru_cache(maxsize=512)  # those that are spoken of now: every run has its own, and what is kept of it takes half a KB
def _name(kind: str, key: str) -> str:
    if not _SAFE_KIND.fullmatch(kind):
        raise ValueError(f"{kind!r} is not the name of a kind of group.")
    if _SAFE_KEY.fullmatch(key):
        return f"{kind}.{key}"
    # A plain key holds no dot, so that no key can pose as the digest of another.
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:40]
    return f"{kind}.h.{digest}"

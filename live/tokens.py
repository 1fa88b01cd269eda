"""Programs that open a socket with `Authorization: Bearer …` instead of a session. Who knows tokens registers here.

Only the header counts: an address, with whatever stands in it, is written into logs.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who was let in by a token; `key` names the token to whoever knows tokens, and is no secret."""

    user: AbstractBaseUser
    key: str


type Admit = Callable[[str, str], Bearer]
type StillValid = Callable[[Collection[str]], Collection[str]]

_registered: list[tuple[Admit, StillValid]] = []  # none, or the one that counts


def register(admit: Admit, still_valid: StillValid) -> None:
    """`admit(token, path)` says who opens the socket at `path`, or raises Refused.

    `still_valid(keys)` returns those of these keys whose tokens still let somebody in; it is asked for all sockets of a
    process at once, every few seconds. Both are synchronous, and run in a database thread.
    """
    _registered[:] = [(admit, still_valid)]


def token_of(scope: dict[str, Any]) -> str | None:
    """The token that a socket is opened with, if there is one and somebody knows tokens."""
    if not _registered:
        return None
    for name, value in scope.get("headers", []):
        scheme, _, token = value.decode("latin-1").strip().partition(" ")
        # Other schemes are a proxy's: with its password, browsers send it along unasked.
        if name.lower() == b"authorization" and scheme.lower() == "bearer":
            return str(token.strip())
    return None


def admit(token: str, path: str) -> Bearer:
    """Who opens the socket at `path` with a token that `token_of` found. Raises Refused."""
    return _registered[0][0](token, path)


def still_valid(keys: Collection[str]) -> Collection[str]:
    """Those whose tokens still let somebody in."""
    return _registered[0][1](keys) if _registered and keys else ()

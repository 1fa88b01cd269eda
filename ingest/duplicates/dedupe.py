"""Which articles tell a story the topic has already: the same text, or the same page under another address."""

import struct
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, NamedTuple

from trafilatura.deduplication import sample_tokens

# Bits in which the hashes of two texts may differ, of 64: texts that are the same but for an edit or two …
MAX_DISTANCE = 10
# … and those that one page may have shown at two times (measured: docs/decisions/duplicates.md).
MAX_DISTANCE_OF_ONE_PAGE = 16
# Hashes of shorter texts say too little: a handful of words decides over many bits.
MIN_WORDS = 50
_SIGN = 1 << 63
_SIZE = 1 << 64
_LANE = struct.Struct("<I")
_SPREAD = [b"".join(_LANE.pack(byte >> bit & 1) for bit in range(8)) for byte in range(256)]


class Known(NamedTuple):
    """An approved article, as far as it decides what is a duplicate; its `addresses` are canonical.

    A tuple, for a run begins with 5,000 of them.
    """

    id: int
    simhash: int | None
    addresses: Collection[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Twin:
    """The article that tells the story already, what showed it, and in how many of 64 bits the texts' hashes differ."""

    id: int
    by: Literal["text", "address"]
    distance: int


def fingerprint(text: str) -> int | None:
    """The text's 64-bit simhash as the signed number Postgres stores; None for a text too short to tell."""
    if len(text.split()) < MIN_WORDS:
        return None
    unsigned = simhash(text)
    return unsigned - _SIZE if unsigned >= _SIGN else unsigned


def simhash(text: str) -> int:
    """The 64 bits of trafilatura's Simhash, in a fifth of the time: its 64 counters are one number here.

    Each bit of a token's hash is spread to a lane of 32 bits, so that one addition of two numbers counts 64 bits. A bit
    of the result is set when at least half of the tokens have it.
    """
    tokens = sample_tokens(text, 64)
    counts = sum(map(_spread, tokens))
    half = (len(tokens) + 1) // 2
    lanes = counts.to_bytes(256, "little")
    return sum(1 << bit for bit, (count,) in enumerate(_LANE.iter_unpack(lanes)) if count >= half)


@lru_cache(maxsize=1 << 14)
def _spread(token: str) -> int:
    """The bits of the token's hash, each in a lane of its own."""
    return int.from_bytes(
        b"".join(map(_SPREAD.__getitem__, blake2b(token.encode(), digest_size=8).digest()[::-1])), "little"
    )


def distance(first: int, second: int) -> int:
    """How many of the 64 bits differ."""
    return ((first ^ second) & (_SIZE - 1)).bit_count()


class Seen:
    """The articles a topic already has. Asked and told by one run, one article after the other.

    Every known text is compared: for the 5,000 a run knows that takes a fifth of a millisecond on a quiet core, and an
    index of bands would take longer to fill than it saves (docs/decisions/duplicates.md).
    """

    def __init__(self, known: Iterable[Known] = ()) -> None:
        self._ids: list[int] = []
        self._hashes: list[int] = []
        self._by_address: dict[str, Known] = {}
        for article in known:
            self.add(article)

    def twin_of(self, simhash: int | None, claims: Iterable[str] = ()) -> Twin | None:
        """The article with nearly this text, or with one of the addresses the page claims and a text that agrees.

        A claim alone decides nothing: sites call every page by the address of their front page, and anybody can claim
        to be anybody.
        """
        if simhash is None:
            return None
        unsigned = simhash % _SIZE
        near = [
            (apart, at)
            for at, other in enumerate(self._hashes)
            if (apart := (unsigned ^ other).bit_count()) <= MAX_DISTANCE
        ]
        if near:
            apart, at = min(near)
            return Twin(id=self._ids[at], by="text", distance=apart)
        for claim in claims:
            known = self._by_address.get(claim)
            if known is not None and known.simhash is not None:
                apart = distance(simhash, known.simhash)
                if apart <= MAX_DISTANCE_OF_ONE_PAGE:
                    return Twin(id=known.id, by="address", distance=apart)
        return None

    def add(self, article: Known) -> None:
        """Remember an approved article."""
        if article.simhash is None:
            return
        self._ids.append(article.id)
        self._hashes.append(article.simhash % _SIZE)
        for address in article.addresses:
            self._by_address.setdefault(address, article)

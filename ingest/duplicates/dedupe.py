"""Which articles tell a story the topic has already: the same text, or the same page under another address."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

# Bits in which the hashes of two texts may differ, of 64: texts that are the same but for an edit or two …
MAX_DISTANCE = 10
# … and those that one page may have shown at two times (measured: docs/decisions/duplicates.md).
MAX_DISTANCE_OF_ONE_PAGE = 16
_SIZE = 1 << 64


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

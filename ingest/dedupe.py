"""Near duplicates: the same story under another address."""

from trafilatura.deduplication import Simhash

MAX_DISTANCE = 10
# Hashes of shorter texts say too little: a handful of words decides over many bits.
MIN_WORDS = 50
_SIGN = 1 << 63
_SIZE = 1 << 64


def fingerprint(text: str) -> int | None:
    """The text's 64-bit simhash as the signed number Postgres stores; None for a text too short to tell."""
    if len(text.split()) < MIN_WORDS:
        return None
    unsigned = Simhash(text).hash
    return unsigned - _SIZE if unsigned >= _SIGN else unsigned


def distance(first: int, second: int) -> int:
    """How many of the 64 bits differ."""
    return ((first ^ second) & (_SIZE - 1)).bit_count()


class Seen:
    """The texts a topic already has. Asked and told by one run, one article after the other."""

    def __init__(self, known: dict[int, int] | None = None) -> None:
        self._by_article = dict(known or {})

    def twin_of(self, simhash: int | None) -> int | None:
        """The id of an article with nearly this text, if there is one."""
        if simhash is None:
            return None
        best = min(
            ((distance(simhash, other), article) for article, other in self._by_article.items()),
            default=(65, 0),
        )
        return best[1] if best[0] <= MAX_DISTANCE else None

    def add(self, article_id: int, simhash: int | None) -> None:
        """Remember an approved article's text."""
        if simhash is not None:
            self._by_article[article_id] = simhash

"""Words, stems and sentences: the small tools every stage of the analysis shares."""

import re
import threading
from functools import lru_cache

import Stemmer
from sentencex import segment  # type: ignore[attr-defined]

_WORD = re.compile(r"\w+(?:['’]\w+)?")
_STEMMERS = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "fi": "finnish",
    "fr": "french", "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian", "nb": "norwegian",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
_local = threading.local()


def words(text: str) -> list[str]:
    """The words of `text` in lower case."""
    return _WORD.findall(text.lower())


def stems(text: str, language: str = "en") -> list[str]:
    """The stemmed words of `text`; words as they are where we know no stemmer for `language`."""
    found = words(text)
    stemmer = _stemmer(language)
    return stemmer.stemWords(found) if stemmer else found


def sentences(text: str, language: str = "en") -> list[str]:
    """The sentences of `text`, trimmed, line by line: a sentence never runs over a line's end."""
    found: list[str] = []
    for line in text.splitlines():
        if line.strip():
            found += [part for raw in segment(language or "en", line) if (part := raw.strip())]
    return found


def clip(text: str, limit: int) -> str:
    """`text` on one line, without NUL bytes, at most `limit` characters long."""
    flat = " ".join(text.replace("\x00", "").split())
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def _stemmer(language: str) -> Stemmer.Stemmer | None:
    # A stemmer keeps a cache and may not be shared between threads.
    name = _STEMMERS.get(language)
    if name is None:
        return None
    known = _local.__dict__.setdefault("stemmers", {})
    if name not in known:
        known[name] = Stemmer.Stemmer(name)
    return known[name]


@lru_cache(maxsize=4096)
def stemmed_phrase(phrase: str, language: str) -> tuple[str, ...]:
    """A keyword as the stems to look for, in order."""
    return tuple(stems(phrase, language))

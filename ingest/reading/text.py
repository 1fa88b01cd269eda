"""Words, stems and sentences: the small tools every stage of the analysis shares."""

import re
import threading
from functools import lru_cache

import Stemmer
from sentencex import segment  # type: ignore[attr-defined]

_WORD = re.compile(r"\w+(?:['’]\w+)?")
# Scripts that put no spaces between words (or, as Korean, particles right behind them): each character is a token, so
# that a keyword is found inside a run of text.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
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


def tokens(text: str) -> list[str]:
    """What keywords are looked for in: the words of `text`; characters where a script does not part its words."""
    found = words(text)
    if text.isascii() or not _UNSPACED.search(text):
        return found
    return [token for word in found for token in (_parted(word) if _UNSPACED.search(word) else (word,))]


def _parted(word: str) -> list[str]:
    """`word` with each character of an unspaced script on its own; “AI热泵” is “ai”, “热”, “泵”."""
    return _UNSPACED.sub(lambda found: f" {found[0]} ", word).split()


def stems(text: str, language: str = "en") -> list[str]:
    """The stemmed tokens of `text`; tokens as they are where we know no stemmer for `language`."""
    found = tokens(text)
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


@lru_cache(maxsize=4096)
def exact_phrase(phrase: str) -> tuple[str, ...]:
    """The tokens of a keyword in double quotes, in order; nothing for one without quotes."""
    quoted = len(phrase) > 2 and phrase[0] == phrase[-1] == '"'
    return tuple(tokens(phrase)) if quoted else ()

"""The words a run is found by, and finding runs by them: every word of the question is, or begins, a word of the run.

Both sides go through `words_in`, so that an address, a path or a name with signs in it finds what it was copied from.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVector, SearchVectorField
from django.db.models import Func

from .redaction import is_secret, named_arguments
from .text import mask_secrets

MAX_CHARACTERS = 2_000
LONGEST_WORD = 100
MAX_DEPTH = 20
LONGEST_TEXT = 8_000  # of one argument; more would not leave room for anything else
_WORD = re.compile(r"[^\W_]+")

# The expression of the index `task_search`: only a query that says the same can use it.
VECTOR = SearchVector("search", config="simple")
# The same words, said so that no index fits: for a look through a few rows, which must not become one into the index.
VECTOR_OF_ROW = Func("search", template="to_tsvector('simple', %(expressions)s)", output_field=SearchVectorField())


def words_in(text: str) -> list[str]:
    """The words of a text: lower case, what is no letter or digit (of any script) parts them; secrets are left out."""
    return [word[:LONGEST_WORD] for word in _WORD.findall(_plain(text))]


def words_of(name: str, topic: str, task: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """What a run with these is found by: each word once, 2,000 characters at most; no value under a secret name."""
    kept: dict[str, None] = {}
    left = MAX_CHARACTERS
    for word in _words_of(name, topic, task, args, kwargs):
        if word in kept:
            continue
        left -= len(word) + 1
        if left < 0:
            break
        kept[word] = None
    return " ".join(kept)


def query_of(text: str) -> SearchQuery | None:
    """The question as Postgres reads it; None when there is no word in it. Only letters and digits reach it.

    A word may be the beginning of one, unless a sign follows it: of `https://example.com/a` only `a` may go on.
    """
    plain = _plain(text)
    parts = []
    for found in _WORD.finditer(plain):
        whole = bool(plain[found.end() : found.end() + 1].strip())
        parts.append(f"'{found[0][:LONGEST_WORD]}'{'' if whole else ':*'}")
    return SearchQuery(" & ".join(parts), config="simple", search_type="raw") if parts else None


def _plain(text: str) -> str:
    # In this order: what looks like a letter becomes that letter, often a capital.
    return unicodedata.normalize("NFKC", mask_secrets(text)).lower()


def _words_of(name: str, topic: str, task: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[str]:
    # The arguments last, for they may be cut.
    for text in (topic, name, task):
        yield from _words_known(text)
    for text in _texts_in(named_arguments(task, args, kwargs) if args else kwargs, depth=0):
        yield from words_in(text)


@lru_cache(maxsize=1000)
def _words_known(text: str) -> list[str]:
    """Topics, names and tasks come again and again. Arguments do not, and nobody should remember a secret."""
    return words_in(text)


def _texts_in(value: Any, *, depth: int) -> Iterator[str]:
    """Keys and plain values, in order; nothing that is hidden because of its name."""
    match value:
        case str():
            yield _cut(value)
        case Mapping() if depth < MAX_DEPTH:
            for key, item in value.items():
                yield str(key)
                if not is_secret(str(key), item):
                    yield from _texts_in(item, depth=depth + 1)
        case list() | tuple() if depth < MAX_DEPTH:
            for item in value:
                yield from _texts_in(item, depth=depth + 1)
        case None | bool() | Mapping() | list() | tuple():
            pass
        case _:  # numbers, and what the encoder makes a text of: dates, UUIDs, …
            yield _cut(str(value))


def _cut(text: str) -> str:
    """The beginning of a long text, up to a space: a secret cut in two would not be known as one."""
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT].rpartition(" ")[0]

"""How much an article is about a topic, and why.

A keyword is looked for anywhere (in title and text), in the title, the text, the author's or the site's name alone. It
is stemmed, so that “heat pump” finds “Heat pumps”; in quotes it is looked for as it is written. Case never matters.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .text import exact_phrase, stemmed_phrase, stems, tokens

LEAD_WORDS = 80
AVERAGE_WORDS = 400
_K1, _B = 1.2, 0.75

type Field = Literal["any", "title", "body", "author", "site"]
# How a reason says where a keyword was found. Nothing of "any": that is what one expects.
_FOUND: dict[Field, Any] = {
    "any": _("%(count)s × %(phrase)s"),
    "title": _("%(count)s × %(phrase)s in the title"),
    "body": _("%(count)s × %(phrase)s in the text"),
    "author": _("%(count)s × %(phrase)s in the author’s name"),
    "site": _("%(count)s × %(phrase)s in the site’s name"),
}
_EXCLUDED: dict[Field, Any] = {
    "any": _("contains the excluded “%(phrase)s”"),
    "title": _("contains the excluded “%(phrase)s” in the title"),
    "body": _("contains the excluded “%(phrase)s” in the text"),
    "author": _("contains the excluded “%(phrase)s” in the author’s name"),
    "site": _("contains the excluded “%(phrase)s” in the site’s name"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """A keyword as it is looked for. A phrase in double quotes is looked for as it is written."""

    phrase: str
    field: Field = "any"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a topic asks of an article. A plain string is a term that is looked for anywhere."""

    include: tuple[Term | str, ...]
    exclude: tuple[Term | str, ...] = ()
    language: str = ""
    relevance_threshold: float = 0.4
    quality_threshold: float = 0.5

    @cached_property
    def stamp(self) -> str:
        """Sixteen characters that are the same for the same rules: an article keeps by which it was judged."""
        terms = [sorted((one.field, one.phrase) for one in map(_term, side)) for side in (self.include, self.exclude)]
        said = json.dumps([*terms, self.language, self.relevance_threshold, self.quality_threshold])
        return sha256(said.encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """One keyword and where it was found. `name`: in the author's or the site's name."""

    phrase: str
    title: int = 0
    lead: int = 0
    body: int = 0
    name: int = 0
    field: Field = "any"

    @property
    def count(self) -> int:
        """How often a reader would see it."""
        return self.title + self.body + self.name

    @property
    def weight(self) -> float:
        """Term frequency: a title or a name counts three times, the lead twice (it is part of the body, too)."""
        return 3 * (self.title + self.name) + self.lead + self.body


@dataclass(frozen=True, kw_only=True, slots=True)
class Relevance:
    """A score of 0..1, the matches it comes from, and the sentence a person reads."""

    score: float
    matches: tuple[Match, ...]
    reason: str
    is_excluded: bool = False  # by an exclude keyword or its language: no matter of degree


def relevance(
    *, title: str, text: str, language: str, rules: Rules, author: str = "", sites: Sequence[str] = ()
) -> Relevance:
    """Score the article: BM25 saturation for each keyword, joined by noisy-or. `sites`: the site's name and host.

    An exclude keyword, or a language the topic does not read, makes it 0. One that may stand anywhere counts in title
    and lead alone: far down an article mentions many things.
    """
    if rules.language and language and rules.language != language:
        reason = gettext("written in “%(language)s”, not “%(wanted)s”") % {
            "language": language,
            "wanted": rules.language,
        }
        return Relevance(score=0.0, matches=(), reason=reason, is_excluded=True)
    article = _Article(title=title, text=text, language=language, author=author, sites=sites)
    for term in map(_term, rules.exclude):
        if article.is_excluded_by(term):
            reason = _EXCLUDED[term.field] % {"phrase": term.phrase}
            return Relevance(score=0.0, matches=(), reason=reason, is_excluded=True)
    miss = 1.0
    matches = []
    norm = _K1 * (1 - _B + _B * article.length / AVERAGE_WORDS)
    for term in map(_term, rules.include):
        match = article.find(term)
        if match.count:
            matches.append(match)
            # Who wrote it, and where, does not become less true the longer the text is.
            miss *= 1 - match.weight / (match.weight + (_K1 if match.name else norm))
    matches.sort(key=lambda match: -match.weight)
    return Relevance(score=round(1 - miss, 4), matches=tuple(matches), reason=_reason(matches))


def mentions(phrase: str, *, title: str, text: str, language: str) -> bool:
    """Does the article say `phrase`, in title or text?"""
    return _Article(title=title, text=text, language=language).find(Term(phrase=phrase)).count > 0


class _Article:
    """The words of one article, each made when first asked for: most rules need only some of them."""

    def __init__(self, *, title: str, text: str, language: str, author: str = "", sites: Sequence[str] = ()) -> None:
        self._title, self._text, self._language = title, text, language
        self._author, self._sites = author, sites
        self._made: dict[tuple[str, bool], list[str]] = {}

    @property
    def length(self) -> int:
        """How many words the text has."""
        return len(self._words("body", exact=False))

    def find(self, term: Term) -> Match:
        """How often `term` stands in each part it is looked for in."""
        needle, exact = self._needle(term)

        def count(part: str) -> int:
            return _count(self._words(part, exact=exact), needle)

        if term.field in ("author", "site"):
            return Match(phrase=term.phrase, field=term.field, name=count(term.field))
        body = self._words("body", exact=exact)
        return Match(
            phrase=term.phrase,
            field=term.field,
            title=count("title") if term.field != "body" else 0,
            lead=_count(body[:LEAD_WORDS], needle) if term.field != "title" else 0,
            body=_count(body, needle) if term.field != "title" else 0,
        )

    def is_excluded_by(self, term: Term) -> bool:
        """Does `term` keep this article out?"""
        needle, exact = self._needle(term)
        if term.field != "any":
            return _count(self._words(term.field, exact=exact), needle) > 0
        lead = self._words("body", exact=exact)[:LEAD_WORDS]
        return _count([*self._words("title", exact=exact), "\n", *lead], needle) > 0

    def _needle(self, term: Term) -> tuple[tuple[str, ...], bool]:
        if quoted := exact_phrase(term.phrase):
            return quoted, True
        return stemmed_phrase(term.phrase, self._language), False

    def _words(self, part: str, *, exact: bool) -> list[str]:
        key = (part, exact)
        if key not in self._made:
            said = {"title": [self._title], "body": [self._text], "author": [self._author], "site": self._sites}
            found: list[str] = []
            for text in said[part]:
                # Between the names of a site stands what no keyword has: they are not one phrase.
                found += ["\n"] if found else []
                found += tokens(text) if exact else stems(text, self._language)
            self._made[key] = found
        return self._made[key]


def _term(term: Term | str) -> Term:
    return Term(phrase=term) if isinstance(term, str) else term


def _reason(matches: Sequence[Match]) -> str:
    if not matches:
        return gettext("none of the keywords")
    return ", ".join(_FOUND[match.field] % {"count": match.count, "phrase": match.phrase} for match in matches)


def _count(haystack: Sequence[str], needle: tuple[str, ...]) -> int:
    """How often the words of `needle` stand in `haystack`, one after the other."""
    if not needle:
        return 0
    if len(needle) == 1:
        return haystack.count(needle[0])
    size, first, found, at = len(needle), needle[0], 0, 0
    while True:
        try:
            at = haystack.index(first, at)
        except ValueError:
            return found
        if tuple(haystack[at : at + size]) == needle:
            found += 1
            at += size
        else:
            at += 1

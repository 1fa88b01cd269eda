"""How much an article is about a topic, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from .text import stemmed_phrase, stems

LEAD_WORDS = 80
AVERAGE_WORDS = 400
_K1, _B = 1.2, 0.75


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What a topic asks of an article."""

    include: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    language: str = ""
    relevance_threshold: float = 0.4
    quality_threshold: float = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """One keyword and where it was found."""

    phrase: str
    title: int
    lead: int
    body: int

    @property
    def count(self) -> int:
        """How often a reader would see it."""
        return self.title + self.body

    @property
    def weight(self) -> float:
        """Term frequency: a title counts three times, the lead twice (it is part of the body, too)."""
        return 3 * self.title + self.lead + self.body


@dataclass(frozen=True, kw_only=True, slots=True)
class Relevance:
    """A score of 0..1, the matches it comes from, and the sentence a person reads."""

    score: float
    matches: tuple[Match, ...]
    reason: str


def relevance(*, title: str, text: str, language: str, rules: Rules) -> Relevance:
    """Score the article: BM25 saturation for each keyword, joined by noisy-or.

    An exclude keyword in title or lead, or a language the topic does not read, makes it 0.
    """
    if rules.language and language and rules.language != language:
        return Relevance(score=0.0, matches=(), reason=f"written in “{language}”, not “{rules.language}”")
    in_title, in_body = stems(title, language), stems(text, language)
    in_lead = in_body[:LEAD_WORDS]
    for phrase in rules.exclude:
        if _count([*in_title, "\n", *in_lead], stemmed_phrase(phrase, language)):
            return Relevance(score=0.0, matches=(), reason=f"contains the excluded “{phrase}”")
    miss = 1.0
    matches = []
    norm = _K1 * (1 - _B + _B * len(in_body) / AVERAGE_WORDS)
    for phrase in rules.include:
        stemmed = stemmed_phrase(phrase, language)
        match = Match(
            phrase=phrase,
            title=_count(in_title, stemmed),
            lead=_count(in_lead, stemmed),
            body=_count(in_body, stemmed),
        )
        if match.count:
            matches.append(match)
            miss *= 1 - match.weight / (match.weight + norm)
    matches.sort(key=lambda match: -match.weight)
    return Relevance(score=round(1 - miss, 4), matches=tuple(matches), reason=_reason(matches))


def _reason(matches: Sequence[Match]) -> str:
    if not matches:
        return "none of the keywords"
    return ", ".join(f"{match.count} × {match.phrase}" for match in matches)


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

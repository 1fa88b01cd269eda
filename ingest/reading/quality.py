"""Is this an article worth reading, or a teaser, a list of links, a consent wall?

The prose rules follow what Gopher, C4 and FineWeb published on telling text from debris.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from .text import words

FULL_WORDS, FEW_WORDS = 200, 50
SAMPLE_WORDS = 1_000
WALL_CAP, LINKS_CAP = 0.30, 0.35

_STOP_WORDS = frozenset({"the", "be", "to", "of", "and", "that", "have", "with"})
_BULLETS = ("•", "‣", "▶", "◀", "◦", "■", "□", "▪", "▫", "–", "*", "-")
_ENDS = (".", "!", "?", "…", ":", "”", '"', "’", "'", "»", "。", "！", "？")
_WALLS = re.compile(
    r"(?i)(enable javascript|javascript (is|must be|needs to be) (disabled|enabled)|disable your ad ?blocker"
    r"|subscribe (now )?to (continue|read|keep reading)|subscribers only|for subscribers|already a subscriber"
    r"|(sign|log) in to (continue|read)|create (a free|an) account to|register to (continue|read)"
    r"|you have reached your (article )?limit|this (article|content) is (reserved|only available) (for|to)"
    r"|accept (all )?cookies|we (and our partners )?use cookies"
    r"|manage (your )?(cookie|consent|privacy) (preferences|settings)"
    r"|verify (that )?you are (a )?human|checking your browser|access denied|page (was )?not found)"
)
_WORDS_OF_WALLS = (
    *("javascript", "blocker", "subscri", "in to continue", "in to read", "account to", "register to"),
    *("you have reached", "this article is", "this content is", "cookies", "preferences", "settings"),
    *("you are human", "you are a human", "checking your browser", "access denied", "not found"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """A score of 0..1, its parts, and the sentence a person reads."""

    score: float
    completeness: float
    prose: float
    clean: float
    meta: float
    words: int
    capped_by: str
    reason: str

    def as_json(self) -> dict[str, float | int | str]:
        """The parts, as they are kept with the article."""
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(self).items()}


def quality(
    *,
    text: str,
    sentences: Sequence[str],
    anchors: Collection[str] = (),
    language: str = "en",
    title: str = "",
    author: str = "",
    site: str = "",
    has_date: bool = False,
) -> Quality:
    """(.25 + .75·completeness)·(.45·prose + .40·clean + .15·meta), capped for walls and link lists."""
    lines = [line for raw in text.splitlines() if (line := raw.strip())]
    found = words(text)
    completeness = _clamp((len(found) - FEW_WORDS) / (FULL_WORDS - FEW_WORDS))
    failed = _failed_rules(lines, found, sentences, language)
    prose = _clamp(1 - sum(_PENALTY[name] for name in failed))
    link_share = _share(lines, lambda line: " ".join(line.lstrip("-•* ").split()).lower() in anchors)
    short_share = _share(lines, _is_short)
    clean = _clamp(1 - 2 * link_share - short_share)
    meta = 0.4 * bool(title) + 0.25 * has_date + 0.2 * bool(author) + 0.15 * bool(site)
    score = (0.25 + 0.75 * completeness) * (0.45 * prose + 0.40 * clean + 0.15 * meta)
    wall = _is_wall(text, len(found))
    links = link_share > 0.5
    if wall:
        score = min(score, WALL_CAP)
    if links:
        score = min(score, LINKS_CAP)
    capped_by = "wall" if wall else "links" if links else ""
    return Quality(
        score=round(score, 4),
        completeness=completeness,
        prose=prose,
        clean=clean,
        meta=meta,
        words=len(found),
        capped_by=capped_by,
        reason=_reason(len(found), completeness, failed, clean, capped_by),
    )


def _reason(count: int, completeness: float, failed: Sequence[str], clean: float, capped_by: str) -> str:
    notes = [ngettext("%(count)s word", "%(count)s words", count) % {"count": count}]
    if capped_by == "wall":
        notes.append(gettext("a paywall, consent or JavaScript notice"))
    if capped_by == "links":
        notes.append(gettext("a list of links"))
    if completeness < 0.3:
        notes.append(gettext("too short for a whole article"))
    notes += [str(_SAID[name]) for name in failed]
    if clean < 0.6 and not capped_by:
        notes.append(gettext("many short or linked lines"))
    return ", ".join(notes)


# What each broken rule takes off the prose score, and how it is said.
_PENALTY = {
    "word_length": 0.4, "symbols": 0.3, "letters": 0.4, "stop_words": 0.35, "bullets": 0.3, "ellipses": 0.25,
    "endings": 0.35, "sentences": 0.35, "code": 0.4, "filler": 0.6, "repeated_lines": 0.4,
    "repeated_phrases": 0.4,
}  # fmt: skip
_SAID = {
    "word_length": _("unusual word lengths"),
    "symbols": _("many symbols"),
    "letters": _("few real words"),
    "stop_words": _("no running sentences"),
    "bullets": _("mostly bullet points"),
    "ellipses": _("cut-off lines"),
    "endings": _("lines without an end"),
    "sentences": _("hardly any sentence"),
    "code": _("looks like code"),
    "filler": _("filler text"),
    "repeated_lines": _("repeats its lines"),
    "repeated_phrases": _("repeats its phrases"),
}


def _failed_rules(lines: Sequence[str], found: Sequence[str], sentences: Sequence[str], language: str) -> list[str]:
    """The names of the published rules this text breaks."""
    if not found:
        return list(_PENALTY)
    # A sample says as much of a long text, and a book costs no more than an article.
    all_words, found = len(found), found[:SAMPLE_WORDS]
    total = len(found)
    joined = "\n".join(lines)
    characters = sum(map(len, found))
    broken: list[str] = []

    def rule(name: str, holds: bool) -> None:
        if not holds:
            broken.append(name)

    rule("word_length", 3 <= characters / total <= 10 or language in {"zh", "ja", "ko", "th"})
    rule("symbols", (joined.count("#") + joined.count("…") + joined.count("...")) / all_words <= 0.1)
    rule("letters", sum(any(map(str.isalpha, word)) for word in found) / total >= 0.8)
    rule("stop_words", language not in {"en", ""} or len(_STOP_WORDS.intersection(found)) >= 2)
    rule("bullets", _share(lines, lambda line: line.startswith(_BULLETS)) <= 0.9)
    rule("ellipses", _share(lines, lambda line: line.endswith(("…", "..."))) <= 0.3)
    rule("endings", _share_of_characters(lines, lambda line: line.endswith(_ENDS)) >= 0.5)
    rule("sentences", sum(len(sentence.split()) >= 4 for sentence in sentences) >= 3)
    rule("code", joined.count("{") + joined.count("}") <= max(2, all_words / 100))
    rule("filler", "lorem ipsum" not in joined[:5000].lower())
    rule("repeated_lines", len(set(lines)) / len(lines) >= 0.7)
    rule("repeated_phrases", _top_share(found, 2) <= 0.20 and _top_share(found, 4) <= 0.16)
    return broken


def _top_share(found: Sequence[str], size: int) -> float:
    """The share of all words that the most frequent phrase of `size` words takes up."""
    if len(found) < 4 * size:
        return 0.0
    phrases = Counter(zip(*(found[offset:] for offset in range(size)), strict=False))
    times = phrases.most_common(1)[0][1]
    return times * size / len(found) if times > 1 else 0.0


def _is_short(line: str) -> bool:
    return len(line) < 30 and not line.endswith(_ENDS)


def _is_wall(text: str, count: int) -> bool:
    """Walls are short, or say so more than once: an article may well mention cookies."""
    beginning = text[:20_000].lower()
    # Every wall says one of these words, and few articles do: looking for words costs next to nothing.
    if not any(map(beginning.__contains__, _WORDS_OF_WALLS)):
        return False
    hits = len(_WALLS.findall(beginning))
    return hits > 0 and (count < 150 or hits >= max(2, count / 150))


def _share(lines: Sequence[str], holds: Callable[[str], bool]) -> float:
    return sum(map(holds, lines)) / len(lines) if lines else 0.0


def _share_of_characters(lines: Sequence[str], holds: Callable[[str], bool]) -> float:
    total = sum(map(len, lines))
    return sum(len(line) for line in lines if holds(line)) / total if total else 0.0


def _clamp(value: float) -> float:
    return max(0.0, min(1.0, value))

"""Articles that are stored, judged by rules that may be new. Plain values in, plain values out: made for a child."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.decisions import Decision
from ingest.reading.quality import Quality, quality
from ingest.reading.relevance import Relevance, Rules, relevance
from ingest.reading.text import sentences


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """What is kept of an article, as far as rules ask about it. `quality` is None when that was never scored."""

    id: int
    title: str
    text: str
    language: str
    author: str
    site: str
    host: str
    has_date: bool
    quality: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejudged:
    """How a stored article fares by the rules. `new_quality`: only where quality had not been scored before."""

    id: int
    relevance: Relevance
    quality: float
    new_quality: Quality | None = None

    def decision(self, rules: Rules) -> Decision:
        """What becomes of it, leaving aside whether the topic has its text already."""
        if self.relevance.score < rules.relevance_threshold:
            return Decision.FILTERED_RELEVANCE
        return Decision.REJECTED_QUALITY if self.quality < rules.quality_threshold else Decision.APPROVED


def rejudge(articles: Sequence[Stored], rules: Rules, seconds: float = 3600.0) -> list[Rejudged]:
    """Judge the articles, in order; after `seconds` those that are left are left out."""
    until = time.monotonic() + seconds
    found = []
    for article in articles:
        if time.monotonic() > until:
            break
        found.append(_rejudge(article, rules))
    return found


def _rejudge(article: Stored, rules: Rules) -> Rejudged:
    relevant = relevance(
        title=article.title,
        text=article.text,
        language=article.language,
        author=article.author,
        sites=(article.site, article.host),
        rules=rules,
    )
    if article.quality is not None:
        return Rejudged(id=article.id, relevance=relevant, quality=article.quality)
    # Without the page's links, which are not kept: a list of links may pass for prose here.
    good = quality(
        text=article.text,
        sentences=sentences(article.text[:20_000], article.language),
        language=article.language,
        title=article.title,
        author=article.author,
        site=article.site,
        has_date=article.has_date,
    )
    return Rejudged(id=article.id, relevance=relevant, quality=good.score, new_quality=good)

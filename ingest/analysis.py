"""What happens to one page in a child process. Plain values in, plain values out; no Django, no network, no
database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from .canonical import canonical_url
from .dedupe import fingerprint
from .extract import extract
from .language import language_of
from .quality import Quality, quality
from .relevance import Relevance, Rules, relevance
from .sentiment import sentiment
from .summary import summary
from .text import sentences


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What a page says, before anybody judges it. An empty `text` means that there is no article.

    `address` is where it was read, after all redirects, and `declared_url` what it calls itself; both are canonical.
    """

    title: str
    author: str
    site: str
    published_at: datetime | None
    text: str
    language: str
    summary: str
    sentiment: float | None
    simhash: int | None
    address: str
    declared_url: str
    link_lines: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """How an article fares by a topic's rules. Quality is not asked of what is off-topic anyway."""

    relevance: Relevance
    quality: Quality


def read_page(body: bytes, url: str, charset: str = "", title_hint: str = "") -> Reading:
    """Everything that is known of a page whatever the topic; `title_hint` is the feed's title, the better
    one.
    """
    page = extract(body, url=url, charset=charset)
    language = language_of(page.text)
    found = sentences(page.text[:20_000], language)
    lines = {" ".join(line.lstrip("-•* ").split()).lower() for line in page.text.splitlines()}
    return Reading(
        title=title_hint or page.title,
        author=page.author,
        site=page.site,
        published_at=page.published_at,
        text=page.text,
        language=language,
        summary=summary(found),
        sentiment=sentiment(found, language),
        simhash=fingerprint(page.text),
        address=canonical_url(url),
        declared_url=page.declared_url,
        # Only those that stand in the text: a page may have thousands of links.
        link_lines=page.anchors & lines,
    )


def score_reading(reading: Reading, rules: Rules) -> Scores:
    """Judge a reading by the rules of a topic."""
    return Scores(relevance=judge_relevance(reading, rules), quality=judge_quality(reading))


def judge_relevance(reading: Reading, rules: Rules, author: str = "", host: str = "") -> Relevance:
    """How much the reading is about what `rules` ask for. `author`: as its feed says; `host`: where it was found."""
    return relevance(
        title=reading.title,
        text=reading.text,
        language=reading.language,
        author=author or reading.author,
        sites=(reading.site, host),
        rules=rules,
    )


def judge_quality(reading: Reading, found: Sequence[str] | None = None) -> Quality:
    """How good an article the reading is."""
    return quality(
        text=reading.text,
        sentences=sentences(reading.text[:20_000], reading.language) if found is None else found,
        anchors=reading.link_lines,
        language=reading.language,
        title=reading.title,
        author=reading.author,
        site=reading.site,
        has_date=reading.published_at is not None,
    )

"""What happens to one page in a child process: one visit, all stages. Plain values in, plain values out; no
network, no database. Reasons are sentences for people: in the language that is active, as children.py hands it along.

    Page ─▶ extract ─▶ language ─▶ sentences ─▶ summary, sentiment, simhash ─▶ Reading ─▶ relevance, quality ─▶ Scores

Each stage is a pure function in a module of its own: extract.py, language.py, text.py, summary.py, sentiment.py,
fingerprints.py, relevance.py, quality.py. What follows needs to know other articles, and happens in the run's process:
verdicts.py makes a decision of the scores, store.py keeps it.
"""

from collections.abc import Sequence

from ingest.duplicates.canonical import canonical_url
from ingest.duplicates.fingerprints import fingerprint

from .extract import extract
from .language import language_of
from .pages import Page, Reading, Scores
from .quality import Quality, quality
from .relevance import Relevance, Rules, relevance
from .sentiment import sentiment
from .summary import summary
from .text import sentences

SENTENCES_FROM = 20_000  # characters


def analyse_page(page: Page, rules: Rules) -> tuple[Reading, Scores | None]:
    """All stages of one page, sharing what they can; no scores when there is no article on it."""
    reading, found = _read(page)
    if not reading.text:
        return reading, None
    relevance = judge_relevance(reading, rules, page.author, page.host)
    return reading, Scores(relevance=relevance, quality=judge_quality(reading, found))


def read_page(page: Page) -> Reading:
    """Everything that is known of a page whatever the topic."""
    return _read(page)[0]


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


def judge_quality(reading: Reading, found: Sequence[str]) -> Quality:
    """How good an article the reading is, whose first sentences are `found`."""
    return quality(
        text=reading.text,
        sentences=found,
        anchors=reading.link_lines,
        language=reading.language,
        title=reading.title,
        author=reading.author,
        site=reading.site,
        has_date=reading.published_at is not None,
    )


def _read(page: Page) -> tuple[Reading, list[str]]:
    """The reading of a page, and its first sentences, which several stages ask for."""
    extracted = extract(page.body, url=page.url, charset=page.charset)
    text = extracted.text
    language = language_of(text)
    found = sentences(text[:SENTENCES_FROM], language)
    lines = {" ".join(line.lstrip("-•* ").split()).lower() for line in text.splitlines()}
    reading = Reading(
        # The feed's title is the better one: a page's often has the site's name in it.
        title=page.title or extracted.title,
        author=extracted.author,
        site=extracted.site,
        published_at=extracted.published_at,
        text=text,
        language=language,
        summary=summary(found),
        sentiment=sentiment(found, language),
        simhash=fingerprint(text),
        address=canonical_url(page.url),
        declared_url=extracted.declared_url,
        # Only those that stand in the text: a page may have thousands of links.
        link_lines=extracted.anchors & lines,
    )
    return reading, found

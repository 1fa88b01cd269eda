"""What is said to the child that reads a page, and what it answers.

Servers and workers load this, and not the libraries that read pages: half a second of each start, and 30 MB.
"""

from dataclasses import dataclass, field
from datetime import datetime

from .quality import Quality
from .relevance import Relevance, Rules


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A page as it came, and what its feed said of it: `title`, `author` and the `host` where it was found."""

    url: str
    body: bytes = field(repr=False)
    charset: str = ""
    title: str = ""
    author: str = ""
    host: str = ""


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
    """How an article fares by a topic's rules."""

    relevance: Relevance
    quality: Quality


def analyse_in_child(page: Page, rules: Rules) -> tuple[Reading, Scores | None]:
    """analysis.analyse_page, by a name that costs nothing to know."""
    from .analysis import analyse_page

    return analyse_page(page, rules)

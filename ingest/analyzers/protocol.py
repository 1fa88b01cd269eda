"""What an analyzer is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ingest.reading.pages import Page, Reading, Scores
from ingest.reading.relevance import Rules

LOCAL = "local"


@dataclass(frozen=True, kw_only=True, slots=True)
class Analysis:
    """What the analysis of one article yields. `note`: why another analyzer that was to give the scores did not."""

    reading: Reading
    scores: Scores
    analyzer: str = LOCAL
    note: str = ""


class Analyzer(Protocol):
    """Reads pages and scores them by the rules of a topic. One serves one run, several pages at a time."""

    async def analyse(self, page: Page, rules: Rules, say: Callable[[str], None]) -> Analysis:
        """Read and score `page`, telling `say` the stages as they begin. Raises AnalysisError."""

    async def aclose(self) -> None:
        """The run is over."""

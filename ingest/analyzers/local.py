"""The default analyzer: everything in one visit to a child process."""

from collections.abc import Callable

from ingest.children import AnalysisError, in_child
from ingest.collecting.reporting import Stage
from ingest.decisions import Failure
from ingest.reading.pages import Page, analyse_in_child
from ingest.reading.relevance import Rules

from .protocol import Analysis


class LocalAnalyzer:
    """Needs neither key nor network."""

    async def analyse(self, page: Page, rules: Rules, say: Callable[[str], None]) -> Analysis:
        """Read and score `page`. Raises AnalysisError when there is no article on it, or its child had to be killed."""
        say(str(Stage.ANALYZING))
        reading, scores = await in_child(analyse_in_child, page, rules)
        if scores is None:
            raise AnalysisError(Failure.NO_TEXT)
        return Analysis(reading=reading, scores=scores)

    async def aclose(self) -> None:
        """Nothing is open: the children serve every run of the process."""

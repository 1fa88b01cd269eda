"""What the pipeline says while it works. `context.progress` of a task is one of these; so is a recorder in a
test.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from django.utils.translation import gettext_lazy as _


class Reporter(Protocol):
    """Hears how far a run has come. No call blocks for long, and none raises for want of listeners."""

    def update(
        self,
        *,
        processed: int | None = None,
        total: int | None = None,
        stage: str | None = None,
        message: str | None = None,
        current_item: str | None = None,
    ) -> None:
        """Where the run stands now: any subset, absolute values."""

    def batch(self, *, completed: int, total: int, results: Sequence[dict[str, Any]]) -> None:
        """A batch is done; `results` says how each of its articles ended."""


class Silent:
    """Nobody listens."""

    def update(self, **_changes: Any) -> None:
        """Say nothing."""

    def batch(self, **_batch: Any) -> None:
        """Say nothing."""


class Stage:
    """What is happening to an article, as a person reads it: `str(Stage.FETCHING)` in the language that is active."""

    FEEDS = _("Reading feeds")
    FETCHING = _("Fetching")
    ANALYZING = _("Analyzing")
    RELEVANCE = _("Checking relevance")
    QUALITY = _("Assessing quality")
    SAVING = _("Saving")
    RECHECKING = _("Judging anew")

"""What failed lately, together by name: how often, why, and how to have it done again."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from . import pages, search
from .asked import LONGEST
from .filters import Filters
from .models import TaskRun
from .presenters import RunView
from .sentences import said
from .states import Status
from .text import fit

REASON = 160  # characters
REASONS_SHOWN = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Why some of them failed: a sentence, and how many."""

    text: str
    number: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Failures:
    """Failed runs of one name that were not run again. `latest`: the last of them.

    `retry_url`: where all of them can be run again, after a question; empty when there is only the one.
    """

    latest: RunView
    number: int
    reasons: tuple[Reason, ...]
    more_reasons: int
    at: datetime | None
    list_url: str
    retry_url: str


def by_name(failed: Iterable[TaskRun]) -> list[list[TaskRun]]:
    """The runs in groups of one name, both in the order given."""
    groups: dict[str, list[TaskRun]] = {}
    for run in failed:
        groups.setdefault(run.name, []).append(run)
    return list(groups.values())


def present_failures(runs: list[TaskRun], latest: RunView) -> Failures:
    """A group of `by_name`, of which `latest` is the first."""
    reasons = Counter(_first_line(run.error) for run in runs).most_common()
    # A name without a letter or digit cannot be asked for.
    asked = search.words_in(latest.name) and len(latest.name) <= LONGEST
    filters = Filters.of({"status": Status.FAILED.value, "name": latest.name if asked else ""})
    return Failures(
        latest=latest,
        number=len(runs),
        reasons=tuple(Reason(text=text, number=number) for text, number in reasons[:REASONS_SHOWN]),
        more_reasons=max(0, len(reasons) - REASONS_SHOWN),
        at=latest.completed_at,
        list_url=pages.list_url(filters),
        retry_url=pages.bulk_url("retry", filters) if len(runs) > 1 and asked else "",
    )


def _first_line(error: str) -> str:
    lines = error.strip().splitlines()
    return fit(said(lines[0]) if lines else _("no reason is known"), REASON)

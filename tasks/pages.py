"""What the list of runs shows: filters from the address, and pages that cost the same however far down."""

import base64
import binascii
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q
from django.urls import reverse

from .access import Viewer
from .models import TaskRun, TaskRunQuerySet
from .presenters import NOT_SHOWN, RunView, present_runs
from .states import Status

PAGE_SIZE = 20
SEARCH_MAX_LENGTH = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What a person asked to see. Anything unknown in the address counts as not asked."""

    status: str = ""
    search: str = ""
    topic: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Filters":
        """The filters named in an address."""
        status = query.get("status", "")
        return cls(
            status=status if status in Status.values else "",
            search=query.get("q", "").replace("\0", "").strip()[:SEARCH_MAX_LENGTH],
            topic=query.get("topic", "").replace("\0", "").strip()[:SEARCH_MAX_LENGTH],
        )

    @property
    def any(self) -> bool:
        """Is anything asked at all?"""
        return bool(self.status or self.search or self.topic)

    def apply(self, runs: TaskRunQuerySet) -> TaskRunQuerySet:
        """The runs that match."""
        if self.status:
            runs = runs.with_status([self.status])
        if self.topic:
            runs = runs.on_topic(self.topic)
        if self.search:
            found = Q(name__icontains=self.search) | Q(topic__icontains=self.search)
            with suppress(ValueError):  # words, not the id of a run
                found |= Q(pk=UUID(self.search))
            runs = runs.filter(found)
        return runs

    def url(self, *, after: str = "", **changes: str) -> str:
        """The address of the list with these filters, some of them changed."""
        asked = {"status": self.status, "q": self.search, "topic": self.topic, **changes, "after": after}
        return _address(reverse("task-list"), asked)

    @property
    def cancel_url(self) -> str:
        """Where to cancel all that match; nothing when none of them can be live."""
        return self._bulk_url("cancel") if self.status in {"", Status.PENDING, Status.RUNNING} else ""

    @property
    def retry_url(self) -> str:
        """Where to retry all that match; nothing when none of them can have failed."""
        return self._bulk_url("retry") if self.status in {"", Status.FAILED, Status.CANCELLED} else ""

    def _bulk_url(self, action: str) -> str:
        asked = {"status": self.status, "q": self.search, "topic": self.topic}
        return _address(reverse("task-bulk", args=[action]), asked)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tab:
    """One choice of status above the list."""

    word: str
    url: str
    current: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPage:
    """One page of the list."""

    runs: list[RunView]
    tabs: list[Tab]
    filters: Filters
    next_url: str
    first_url: str


def page_of_runs(viewer: Viewer, query: Mapping[str, str]) -> RunPage:
    """The page of runs that `query` (an address's parameters) asks for, newest first."""
    filters = Filters.of(query)
    runs = filters.apply(TaskRun.objects.visible_to(viewer)).select_related("owner").defer(*NOT_SHOWN)
    after = _position(query.get("after", ""))
    if after is not None:
        runs = runs.older_than(*after)
    rows = list(runs[: PAGE_SIZE + 1])
    more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    return RunPage(
        runs=present_runs(rows, viewer),
        tabs=[_tab(filters, "", "All"), *(_tab(filters, s.value, _TAB_WORDS[s]) for s in _TAB_WORDS)],
        filters=filters,
        next_url=filters.url(after=_cursor(rows[-1])) if more else "",
        first_url=filters.url() if after is not None else "",
    )


_TAB_WORDS = {
    Status.RUNNING: "Running",
    Status.PENDING: "Waiting",
    Status.COMPLETED: "Completed",
    Status.FAILED: "Failed",
    Status.CANCELLED: "Cancelled",
}


def _address(path: str, asked: Mapping[str, str]) -> str:
    query = urlencode({key: value for key, value in asked.items() if value})
    return f"{path}?{query}" if query else path


def _tab(filters: Filters, status: str, word: str) -> Tab:
    return Tab(word=word, url=filters.url(status=status), current=filters.status == status)


def _cursor(run: TaskRun) -> str:
    return base64.urlsafe_b64encode(f"{run.created_at.isoformat()} {run.pk}".encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[datetime, UUID] | None:
    """Where a page begins; None for the first, also when the address was damaged on its way here."""
    if not cursor:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode()
        moment, _, key = text.partition(" ")
        created_at = datetime.fromisoformat(moment)
        return (created_at, UUID(key)) if created_at.tzinfo else None
    except (ValueError, binascii.Error, OverflowError):
        return None

"""What the list of runs shows: filters from the address, and pages that cost the same however far down."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext, pgettext_lazy

from .access import Viewer
from .filters import SPANS, Filters
from .listing import cursor_of, newest, position_of
from .models import TaskRun
from .presenters import NOT_SHOWN, WORDS_OF_MANY, RunView, present_runs
from .states import LIVE, Status

PAGE_SIZE = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Tab:
    """One choice of status above the list."""

    word: str
    url: str
    current: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class FormField:
    """One field of the filter's form, as it was filled in."""

    name: str
    label: str
    value: str
    error: str
    kind: str = "text"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPage:
    """One page of the list."""

    runs: list[RunView]
    tabs: list[Tab]
    filters: Filters
    fields: list[FormField]
    spans: list[tuple[str, str]]
    next_url: str
    first_url: str
    poll_url: str
    cancel_url: str
    retry_url: str

    @property
    def zone(self) -> str:
        """In which times without a zone are read."""
        return timezone.get_current_timezone_name()

    @property
    def more_filters(self) -> int:
        """How many filters are set besides tabs and the box for words."""
        return len(self.filters.asked.keys() - {"status", "q"})

    @property
    def wrong(self) -> list[tuple[str, str]]:
        """What cannot be used in the address, and why."""
        return [(str(LABELS[key]), sentence) for key, sentence in self.filters.wrong.items()]


def page_of_runs(viewer: Viewer, query: Mapping[str, Any], *, sees_all: bool = False) -> RunPage:
    """The page of runs that `query` (an address's parameters) asks for, newest first."""
    filters = Filters.of(query)
    after = None
    with suppress(ValueError):  # damaged on its way here: the first page
        after = position_of(str(query["after"])) if query.get("after") else None
    visible = TaskRun.objects.visible_to(viewer).select_related("owner").defer(*NOT_SHOWN)
    rows = newest(visible, filters, after=after, limit=PAGE_SIZE + 1)
    more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    return RunPage(
        runs=present_runs(rows, viewer),
        tabs=[
            _tab(filters, "", pgettext("runs", "All")),
            *(_tab(filters, key, str(WORDS_OF_MANY[key])) for key in WORDS_OF_MANY),
        ],
        filters=filters,
        fields=[_field(filters, key) for key in _FIELDS if sees_all or key != "owner"],
        spans=[(key, str(span.words)) for key, span in SPANS.items()],
        next_url=list_url(filters, after=cursor_of(rows[-1])) if more else "",
        first_url=list_url(filters) if after is not None else "",
        poll_url=_poll_url(filters, after="" if after is None else str(query["after"])),
        # Nothing when none of what matches can be live, or can have failed.
        cancel_url=bulk_url("cancel", filters) if filters.may_match(*LIVE) else "",
        retry_url=bulk_url("retry", filters) if filters.may_match(Status.FAILED, Status.CANCELLED) else "",
    )


def list_url(filters: Filters, *, after: str = "") -> str:
    """The address of the list with these filters."""
    return _address(reverse("tasks:list"), {**filters.asked, "after": after})


def _poll_url(filters: Filters, *, after: str) -> str:
    """Where the API lists the same runs; nothing where it cannot ("the last hour" moves with the clock)."""
    if filters.wrong or filters.last:
        return ""
    # The zone of a person's clock is not that of the API.
    times = {key: moment.isoformat() for key in _TIMES if (moment := getattr(filters, key))}
    return _address(
        reverse("live_api:list_tasks"), {**filters.asked, **times, "limit": str(PAGE_SIZE), "cursor": after}
    )


def bulk_url(action: str, filters: Filters) -> str:
    """Where to cancel or retry all that match."""
    return _address(reverse("tasks:bulk", args=[action]), filters.asked)


LABELS = {
    "status": _("Status"),
    "q": _("Words"),
    "name": _("Name"),
    "topic": _("Topic"),
    "owner": _("Owner"),
    "last": pgettext_lazy("a span of time", "Created in"),
    "created_after": _("Created from"),
    "created_before": _("Created before"),
}
_TIMES = ("created_after", "created_before")
_FIELDS = ("name", "topic", "owner", *_TIMES)


def _address(path: str, asked: Mapping[str, str]) -> str:
    query = urlencode({key: value for key, value in asked.items() if value})
    return f"{path}?{query}" if query else path


def _tab(filters: Filters, status: str, word: str) -> Tab:
    current = filters.asked.get("status", "") == status
    return Tab(word=word, url=list_url(filters.changed(status=status)), current=current)


def _field(filters: Filters, key: str) -> FormField:
    value, kind = filters.asked.get(key, ""), "text"
    if key.startswith("created_"):
        kind = "datetime-local" if key not in filters.wrong else "text"  # the former would hide what is wrong
        if moment := getattr(filters, key):
            value = f"{timezone.localtime(moment).replace(tzinfo=None):%Y-%m-%dT%H:%M:%S}"
    return FormField(name=key, label=str(LABELS[key]), value=value, error=filters.wrong.get(key, ""), kind=kind)

"""The story of a run as its page tells it: timeline and logs, all of them or from a level on, and the attempts."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .attempts import Attempt, attempts_of
from .models import TaskEvent, TaskRun
from .timeline import LINES_SHOWN, Line, lines_of

STATES_SHOWN = 200
# What may be asked for: its word, and the levels of the log lines it shows (None: every event).
LEVELS: dict[str, tuple[str | Promise, tuple[str, ...] | None]] = {
    "": (_("Everything"), None),
    "info": (_("Log"), ("debug", "info", "warning", "error", "critical")),
    "warning": (_("Warnings and errors"), ("warning", "error", "critical")),
    "error": (_("Errors"), ("error", "critical")),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class LevelTab:
    """One choice above the timeline."""

    key: str
    word: str
    url: str
    current: bool
    count: None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """What happened, the newest first. `more`: there are older lines; `level`: what was asked for."""

    lines: list[Line]
    more: bool
    most: int
    attempts: list[Attempt]
    tabs: list[LevelTab]
    level: str


def story_of(run: TaskRun, query: Mapping[str, str]) -> Story:
    """The story from the level on that `query` asks for; everything for one that is unknown. One query."""
    level = query.get("level", "") if query.get("level", "") in LEVELS else ""
    levels = LEVELS[level][1]
    events = run.events.order_by("-seq")
    wanted = events if levels is None else events.filter(kind=TaskEvent.Kind.LOG, data__level__in=levels)
    states = events.filter(kind=TaskEvent.Kind.STATE)[:STATES_SHOWN]
    found = {event.pk: event for event in wanted[: LINES_SHOWN + 1].union(states, all=True)}
    newest = sorted(found.values(), key=lambda event: event.seq, reverse=True)
    if levels is None:
        # States that lie behind what is shown were asked for because of the attempts alone.
        shown = newest[: LINES_SHOWN + 1]
    else:
        shown = [event for event in newest if event.kind == TaskEvent.Kind.LOG]
    path = reverse("tasks:detail", args=[run.pk])
    return Story(
        lines=lines_of(shown[:LINES_SHOWN]),
        more=len(shown) > LINES_SHOWN,
        most=LINES_SHOWN,
        attempts=attempts_of(newest),
        tabs=[
            LevelTab(
                key=key or "all",
                word=str(word),
                url=f"{path}{f'?level={key}' if key else ''}#timeline",
                current=key == level,
            )
            for key, (word, _levels) in LEVELS.items()
        ],
        level=level,
    )

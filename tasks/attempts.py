"""The attempts of a run, told by its events: when each began and ended, where, and why it was over."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from .models import TaskEvent
from .presenters import WORDS, duration_text
from .sentences import said
from .states import FINAL, Status
from .text import fit

# Why an attempt that did not end the run was over: the word, its tone, its icon.
BACK_IN_LINE: dict[str, tuple[str | Promise, str, str]] = {
    "retry": (_("Failed, tried again"), "warn", "retry"),
    "worker lost": (_("Worker lost"), "warn", "offline"),
    "shutdown": (_("Worker stopped"), "neutral", "pause"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One attempt. `why`: what was said when it ended; `worker` is for staff."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    word: str
    tone: str
    icon: str
    why: str
    worker: str

    @property
    def took(self) -> str:
        """How long it lasted; nothing while it lasts."""
        return "" if self.ended_at is None else duration_text((self.ended_at - self.started_at).total_seconds())


def attempts_of(events: Iterable[TaskEvent]) -> list[Attempt]:
    """The attempts that `events` (those of the run's states, in any order) tell of; the latest first."""
    begun: list[tuple[int, datetime, str]] = []
    ended: dict[int, tuple[datetime, str, str, str, str]] = {}
    for event in sorted((one for one in events if one.kind == TaskEvent.Kind.STATE), key=lambda one: one.seq):
        status, reason = event.data.get("status"), event.data.get("reason") or ""
        number = event.data.get("attempt") or 1
        why = fit(said(event.data.get("error") or ""), 500)
        if status == Status.RUNNING:
            begun.append((number, event.at, str(event.data.get("worker") or "")))
        elif status == Status.PENDING and begun:
            word, tone, icon = BACK_IN_LINE.get(reason, (_("Back in line"), "neutral", "pending"))
            ended[begun[-1][0]] = (event.at, str(word), tone, icon, why)
        elif status in FINAL and begun:
            word, tone = WORDS[status]
            by = str(event.data.get("by") or "")
            ended[begun[-1][0]] = (event.at, str(word), tone, status, why or _by(by))
    word, tone = WORDS[Status.RUNNING]
    going_on = (None, str(word), tone, Status.RUNNING.value, "")
    attempts = []
    for number, started_at, worker in reversed(begun):
        ended_at, word, tone, icon, why = ended.get(number, going_on)
        attempts.append(
            Attempt(
                number=number,
                started_at=started_at,
                ended_at=ended_at,
                word=word,
                tone=tone,
                icon=icon,
                why=why,
                worker=worker,
            )
        )
    return attempts


def _by(name: str) -> str:
    return pgettext("cancelled", "by %(name)s") % {"name": name} if name else ""

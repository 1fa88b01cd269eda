"""What a person sees of a run: one view of it for pages, partials and the fragments that sockets send."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from live.frames import Frame
from live.numbers import grouped

from . import access
from .access import Viewer
from .eta import eta_seconds
from .lines import Lines, Running, running_now
from .models import TaskRun
from .places import full_keys
from .queues import paused_since
from .sentences import said
from .states import FINAL, Status
from .timeline import line_of_frame
from .updates import places_in_line

# Status (and "cancelling", one to a person): its word and the tone of its colour. The icon has its name.
WORDS: dict[str, tuple[str | Promise, str]] = {
    Status.PENDING: (_("Waiting"), "neutral"),
    Status.RUNNING: (_("Running"), "info"),
    "cancelling": (_("Cancelling…"), "warn"),
    Status.COMPLETED: (_("Completed"), "good"),
    Status.FAILED: (_("Failed"), "bad"),
    Status.CANCELLED: (_("Cancelled"), "neutral"),
}
# The same of many runs: in most languages another form of the word.
WORDS_OF_MANY: dict[str, str | Promise] = {
    Status.RUNNING: pgettext_lazy("of many runs", "Running"),
    Status.PENDING: pgettext_lazy("of many runs", "Waiting"),
    Status.COMPLETED: pgettext_lazy("of many runs", "Completed"),
    Status.FAILED: pgettext_lazy("of many runs", "Failed"),
    Status.CANCELLED: pgettext_lazy("of many runs", "Cancelled"),
}
# What a frame says of a run that is drawn from its row.
CHANGES = frozenset({"pending", "cancelling", "completed", "error", "cancelled"})
# Columns that may be large and that no card or fragment shows.
NOT_SHOWN = ("result", "args", "kwargs", "traceback")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunView:
    """One run as it is shown. Texts are plain: the templates escape them."""

    id: str
    name: str
    url: str
    status: str
    word: str
    tone: str
    seq: int
    percent: float | None
    headline: str
    count: str
    detail: str
    current_item: str
    eta: str
    outcome: str
    elapsed: str
    topic: str
    owner: str
    attempt: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    can_cancel: bool
    can_retry: bool

    @property
    def icon(self) -> str:
        """The name of the icon: that of the status."""
        return self.status

    @property
    def is_live(self) -> bool:
        """Waiting, running or being cancelled."""
        return not self.is_final

    @property
    def is_final(self) -> bool:
        """It has ended."""
        return self.status in FINAL

    @property
    def ticks(self) -> bool:
        """Does the time it takes still grow?"""
        return self.is_live and self.started_at is not None

    @property
    def percent_value(self) -> str:
        """The bar's value; written here because templates would localize a number."""
        return "" if self.percent is None else f"{self.percent:.1f}"

    @property
    def whole_percent(self) -> int | None:
        """Rounded down: 99.9 is not yet 100."""
        return None if self.percent is None else math.floor(self.percent)

    @property
    def percent_text(self) -> str:
        """`45%`; nothing while the total is unknown."""
        return "" if self.whole_percent is None else gettext("%(number)s%%") % {"number": self.whole_percent}

    @property
    def cancel_url(self) -> str:
        """Where Cancel asks (GET) and happens (POST)."""
        return reverse("tasks:cancel", args=[self.id])

    @property
    def retry_url(self) -> str:
        """Where Retry happens (POST)."""
        return reverse("tasks:retry", args=[self.id])

    @property
    def socket(self) -> str:
        """The path of its own socket."""
        return f"/ws/bulk-process/{self.id}"

    @property
    def since(self) -> str:
        """How much of it is shown here, for that socket; written here because templates would localize a number."""
        return str(self.seq)

    @property
    def actions_url(self) -> str:
        """The buttons this viewer has, as a partial."""
        return reverse("tasks:actions", args=[self.id])


def present_run(run: TaskRun, viewer: Viewer | None = None, now: datetime | None = None) -> RunView:
    """`run` as `viewer` sees it; without a viewer nothing can be done to it."""
    now = now or timezone.now()
    return _view(
        run,
        viewer,
        now,
        position=None,
        seconds_left=eta_seconds(run, now),
        paused=paused_queues_of([run]).get(run.queue),
        running_of_key=full_keys([run]).get(run.concurrency_key),
    )


def present_runs(
    runs: Sequence[TaskRun],
    viewer: Viewer | None = None,
    *,
    seen: Lines | None = None,
    running: Running | None = None,
) -> list[RunView]:
    """Several runs: where the waiting ones stand in line, and why. At most three queries more, however many they are.

    `seen` and `running`: how the queues stand and what runs, if that is known; it saves two of them.
    """
    now = timezone.now()
    if running is None and any(run.status == Status.PENDING for run in runs):
        running = running_now()
    places = positions_of(runs, running)
    paused = paused_queues_of(runs) if seen is None else seen.paused_since
    full = full_keys(runs, running.of_key if running is not None else {})
    return [
        _view(
            run,
            viewer,
            now,
            position=places.get(run.pk),
            seconds_left=eta_seconds(run, now),
            paused=paused.get(run.queue),
            running_of_key=full.get(run.concurrency_key),
        )
        for run in runs
    ]


def paused_queues_of(runs: Iterable[TaskRun]) -> dict[str, datetime]:
    """The paused queues in which some of `runs` wait, and since when; nothing is asked when none of them waits."""
    return paused_since({run.queue for run in runs if run.status == Status.PENDING})


def positions_of(runs: Iterable[TaskRun], running: Running | None = None) -> dict[UUID, int]:
    """Which place each waiting run has in its queue; nothing is asked when none of them waits."""
    busy = running.of_owner if running is not None else None
    return places_in_line({run.queue for run in runs if run.status == Status.PENDING}, busy)


def render_run_fragments(several: Sequence[Frame]) -> list[str]:
    """`job_update` frames as HTML for sockets with `?content=html`: the pages' partials, swapped by id.

    Progress is drawn from the frame itself; a change of status from the row, and all rows are read at once. No
    viewer's buttons are in it: the page asks for those when a status has changed.
    """
    changed = {frame["job_id"] for frame in several if frame["status"] in CHANGES}
    rows = list(TaskRun.objects.filter(pk__in=changed).defer(*NOT_SHOWN)) if changed else []
    views = {view.id: view for view in present_runs(rows)}
    return [_fragment(frame, views.get(frame["job_id"])) for frame in several]


def _fragment(frame: Frame, view: RunView | None) -> str:
    match frame["status"]:
        case "progress":
            run = _run_of(frame)
            view = _view(run, None, timezone.now(), position=None, seconds_left=frame.get("eta_seconds"))
            return render_to_string("tasks/partials/fragments.html", {"run": view})
        case status if status in CHANGES:
            return render_to_string("tasks/partials/fragments.html", {"run": view, "whole": True}) if view else ""
        case "batch_update" | "log":
            context = {"job_id": frame["job_id"], "line": line_of_frame(frame)}
            return render_to_string("tasks/partials/event_fragment.html", context)
    return ""


def render_queue_news(frame: Frame) -> str:
    """Nothing to draw: a page that shows runs that wait fetches itself again, for they wait for something else now."""
    return '<i id="queue-news" data-news="pending" hidden></i>'


def duration_text(seconds: float) -> str:
    """`8 s`, `2 min 5 s`, `1 h 10 min`, `3 d 4 h`: two units at most."""
    whole = max(0, int(seconds))
    minutes, seconds_left = divmod(whole, 60)
    hours, minutes_left = divmod(minutes, 60)
    days, hours_left = divmod(hours, 24)
    if not minutes:
        words = gettext("%(seconds)s s")
    elif not hours:
        words = gettext("%(minutes)s min %(seconds)s s") if seconds_left else gettext("%(minutes)s min")
    elif not days:
        words = gettext("%(hours)s h %(minutes)s min") if minutes_left else gettext("%(hours)s h")
    else:
        words = gettext("%(days)s d %(hours)s h") if hours_left else gettext("%(days)s d")
    return words % {"days": days, "hours": hours_left, "minutes": minutes_left, "seconds": seconds_left}


def eta_text(seconds: int | None) -> str:
    """`about 25 s left`, rounded so that it does not twitch; nothing while it would be a guess."""
    if seconds is None:
        return ""
    if seconds < 5:
        return gettext("a few seconds left")
    if seconds < 60:
        return gettext("about %(seconds)s s left") % {"seconds": math.ceil(seconds / 5) * 5}
    if seconds < 3600:
        return gettext("about %(minutes)s min left") % {"minutes": math.ceil(seconds / 60)}
    return gettext("about %(duration)s left") % {"duration": duration_text(math.ceil(seconds / 600) * 600)}


def _view(
    run: TaskRun,
    viewer: Viewer | None,
    now: datetime,
    *,
    position: int | None,
    seconds_left: int | None,
    paused: datetime | None = None,
    running_of_key: int | None = None,
) -> RunView:
    status = "cancelling" if run.is_cancelling else run.status
    word, tone = WORDS[status]
    percent = _percent(run)
    elapsed = ""
    if run.started_at is not None:
        elapsed = duration_text(((run.completed_at or now) - run.started_at).total_seconds())
    live = run.status not in FINAL
    owner = ""
    if viewer is not None and run.owner is not None and run.owner_id != viewer.pk:
        owner = run.owner.get_username()
    return RunView(
        id=str(run.pk),
        name=run.name,
        url=run.get_absolute_url(),
        status=status,
        word=str(word),
        tone=tone,
        seq=run.seq,
        percent=percent,
        headline=_why_it_waits(run, now, paused, running_of_key) or _headline(run, elapsed, position),
        count=_count(run),
        detail=(run.current_item or said(run.message)) if live else "",
        current_item=run.current_item if live else "",
        eta=eta_text(seconds_left) if status == Status.RUNNING else "",
        outcome=_outcome(run),
        elapsed=elapsed,
        # A topic may be an id that says nothing to a person; who enqueues can give it a name.
        topic=str(run.metadata.get("topic_name") or run.topic),
        owner=owner,
        attempt=run.attempt,
        created_at=run.created_at,
        started_at=run.started_at,
        completed_at=run.completed_at,
        can_cancel=viewer is not None and access.can_cancel(viewer, run),
        can_retry=viewer is not None and access.can_retry(viewer, run),
    )


def _percent(run: TaskRun) -> float | None:
    if run.status == Status.COMPLETED:
        return 100.0
    return run.progress if run.total_items else None


def _count(run: TaskRun) -> str:
    if run.total_items:
        numbers = {"number": grouped(run.processed_items), "total": grouped(run.total_items)}
        return gettext("%(number)s of %(total)s") % numbers
    return gettext("%(number)s done") % {"number": grouped(run.processed_items)} if run.processed_items else ""


def _why_it_waits(run: TaskRun, now: datetime, paused: datetime | None, running_of_key: int | None) -> str:
    """What else than its place in line keeps a run waiting."""
    if run.status != Status.PENDING:
        return ""
    if paused is not None:
        moment = date_format(timezone.localtime(paused), pgettext("date format", "j M, H:i e"))
        return gettext("Queue paused since %(time)s") % {"time": moment}
    if run.run_after is not None and run.run_after > now:
        duration = duration_text((run.run_after - now).total_seconds() + 1)
        return gettext("Starts in %(duration)s") % {"duration": duration}
    if running_of_key is not None:
        numbers = {"number": grouped(running_of_key), "most": grouped(run.concurrency_limit or 0)}
        words = gettext("Waiting: %(number)s of %(most)s “%(key)s” are running")
        return words % {**numbers, "key": run.concurrency_key.rpartition(".")[2]}
    return ""


def _headline(run: TaskRun, elapsed: str, position: int | None) -> str:
    match run.status:
        case Status.PENDING if position is None:
            return gettext("Waiting in line")
        case Status.PENDING if position == 1:
            return gettext("Next in line")
        case Status.PENDING:
            return gettext("Waiting, number %(number)s in line") % {"number": grouped(position or 0)}
        case Status.RUNNING:
            return capfirst(run.stage) or (gettext("Stopping") if run.is_cancelling else gettext("Running"))
        case Status.COMPLETED:
            return gettext("Took %(duration)s") % {"duration": elapsed} if elapsed else gettext("Done")
    return gettext("Stopped after %(duration)s") % {"duration": elapsed} if elapsed else gettext("Never started")


def _outcome(run: TaskRun) -> str:
    match run.status:
        case Status.COMPLETED:
            return said(run.message)
        case Status.FAILED | Status.CANCELLED:
            return said(run.error)
    return ""


def _run_of(frame: dict[str, Any]) -> TaskRun:
    """The run a progress frame speaks of, as far as the frame says; never saved."""
    return TaskRun(
        id=UUID(frame["job_id"]),
        name=frame.get("name") or "",
        status=Status.RUNNING,
        seq=frame["seq"],
        progress=frame.get("progress") or 0,
        processed_items=frame.get("processed") or 0,
        total_items=frame.get("total"),
        stage=frame.get("stage") or "",
        message=frame.get("message") or "",
        current_item=frame.get("current_item") or "",
    )

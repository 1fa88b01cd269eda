"""How sockets read the truth about runs: what the hub re-reads every few seconds, and who may still watch."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.utils import timezone

from live import frames, sources
from live.frames import Frame
from live.groups import Group

from .access import sees_everything
from .groups import EVERY_RUN, groups_of
from .models import TaskEvent, TaskRun
from .states import Status
from .updates import FRAME_COLUMNS, frame_of_event, frames_of

# A run that ended while the layer or the socket was away is still told of for this long.
RECENT = timedelta(minutes=2)
MOST_RUNS = 200  # of those that run, and of those that wait, beside those that are watched one by one
MOST_ENDED = 500  # of those that ended a moment ago
MOST_EVENTS = 500  # batches and lines that one look makes up for


def register() -> None:
    """Tell `live` who knows about runs."""
    for kind in ("run", "owner", "topic", "staff_topic", "runs"):
        sources.register(kind, reread)
    for kind in ("runs", "staff_topic"):
        sources.guard(kind, no_longer_staff)
    sources.guard("run", no_longer_visible)
    sources.history(recorded)


def reread(groups: Collection[Group]) -> Iterable[tuple[Group, Frame]]:
    """The present frame of every run in `groups` that lives or ended a moment ago. Three queries."""
    singles = {group.key for group in groups if group.kind == "run"}
    wanted = Q()
    for group in groups:
        if group.kind != "run":
            wanted |= _runs_in(group)
    found: dict[UUID, TaskRun] = {}
    if wanted:
        found |= {run.pk: run for run in _newsworthy(wanted, MOST_ENDED)}
    if singles:
        found |= {run.pk: run for run in TaskRun.objects.filter(_lives_or_ended_lately(), pk__in=singles)}
    watched, runs = set(groups), list(found.values())
    for run, frame in zip(runs, frames_of(runs), strict=True):
        for group in watched.intersection(groups_of(run)):
            yield group, frame


def recorded(after: Mapping[str, int]) -> Iterable[Frame]:
    """The batches and log lines of these runs after those seqs. Two queries; one when there are none.

    `reset` alone for the runs that have more than one look tells of. Other rooms may tell of jobs that are no runs:
    nothing is known of those here.
    """
    after = {job_id: seq for job_id, seq in after.items() if _is_run_id(job_id)}
    newer = Q(pk=None)
    for run_id, seq in after.items():
        newer |= Q(run=run_id, seq__gt=seq)
    said = TaskEvent.objects.filter(newer).exclude(kind=TaskEvent.Kind.STATE).order_by("run", "seq")
    events = list(said[: MOST_EVENTS + 1])
    if not events:
        return
    runs = TaskRun.objects.only(*FRAME_COLUMNS).in_bulk({event.run_id for event in events})
    # Of the last run there may be more, and of those behind it nothing was read.
    cut_at = events[-1].run_id if len(events) > MOST_EVENTS else None
    for event in events:
        if event.run_id in runs and event.run_id != cut_at:
            yield frame_of_event(runs[event.run_id], event)
    if cut_at is not None:
        yield from (frames.reset(run_id) for run_id in after if UUID(run_id) >= cut_at)


def _is_run_id(job_id: str) -> bool:
    with suppress(ValueError):
        return bool(UUID(job_id))
    return False


def no_longer_staff(pairs: Collection[tuple[Group, int]]) -> Iterable[tuple[Group, int]]:
    """Those watchers of everybody's runs who may not see them any more."""
    users = get_user_model()._default_manager.in_bulk({pk for _, pk in pairs})
    return [(group, pk) for group, pk in pairs if pk not in users or not sees_everything(users[pk])]


def no_longer_visible(pairs: Collection[tuple[Group, int]]) -> Iterable[tuple[Group, int]]:
    """Those watchers of single runs who may not see them any more. Two queries, and two per watching staff member."""
    users = get_user_model()._default_manager.in_bulk({pk for _, pk in pairs})
    all_seeing = {pk for pk, user in users.items() if user.is_staff and sees_everything(user)}
    owners = dict(TaskRun.objects.filter(pk__in={group.key for group, _ in pairs}).values_list("pk", "owner_id"))
    # A run that is gone is forbidden to nobody.
    return [(group, pk) for group, pk in pairs if pk not in all_seeing and owners.get(UUID(group.key), pk) != pk]


def snapshot_runs(group: Group, besides: Collection[UUID] = ()) -> list[TaskRun]:
    """The runs a fresh watcher of `group` is told of: those that live or ended a moment ago; and `besides`, anyway."""
    runs = _newsworthy(_runs_in(group), MOST_RUNS)[:MOST_RUNS]
    missing = set(besides).difference(run.pk for run in runs)
    return runs + list(TaskRun.objects.filter(pk__in=missing)) if missing else runs


def _newsworthy(wanted: Q, most_ended: int) -> list[TaskRun]:
    """Of these runs what runs, what waits, and what ended a moment ago: the newest of each, in this order. One query.

    What waits does not push out what has ended: whoever missed an end hears of it, however long the line is. To each
    part an index leads, whatever else is stored.
    """
    runs = TaskRun.objects.filter(wanted)
    parts = [
        runs.filter(status=status).order_by("-created_at")[:MOST_RUNS] for status in (Status.RUNNING, Status.PENDING)
    ]
    parts.append(runs.filter(completed_at__gte=timezone.now() - RECENT).order_by("-completed_at")[:most_ended])
    found = parts[0].union(*parts[1:], all=True).order_by()
    return sorted(found, key=lambda run: (run.status != Status.RUNNING, run.status != Status.PENDING))


def _lives_or_ended_lately() -> Q:
    return Q(completed_at__gte=timezone.now() - RECENT) | Q(completed_at=None)


def _runs_in(group: Group) -> Q:
    match group.kind:
        case "run":
            return Q(pk=group.key)
        case "owner":
            return Q(owner_id=int(group.key))
        case "topic":
            owner, _, topic = group.key.partition(":")
            return Q(owner_id=int(owner), topic=topic)
        case "staff_topic":
            return Q(topic=group.key)
    return ~Q(pk=None) if group == EVERY_RUN else Q(pk=None)

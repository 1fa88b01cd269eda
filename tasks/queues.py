"""Queues that can be paused: workers take nothing from a paused queue until it is resumed. What runs, runs on.

The only writer of QueueState. Workers look at it in the very statement that fetches a ticket (worker.py), so a pause
holds from its commit on, and after a resume the line goes on in its old order.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from live import audit, frames
from live.publishing import publish_on_commit

from .exceptions import UnknownQueue
from .groups import QUEUES
from .lines import Line, Lines, look
from .models import QueueState
from .text import fit

logger = logging.getLogger(__name__)

MAINTENANCE_QUEUE = "tasks-maintenance"  # our own housekeeping: every worker takes it, and it cannot be paused


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueView:
    """One queue as it stands."""

    name: str
    waiting: int
    running: int
    paused_at: datetime | None
    paused_by: str
    ready_since: datetime | None = None  # of what waits and could start: when the oldest was made


def overview(seen: Lines | None = None) -> list[QueueView]:
    """Every queue that tasks may use, that has live runs, or that is paused; by name. No query for what was `seen`."""
    seen = seen or look()
    paused = seen.paused
    names = (_configured() | seen.lines.keys() | paused.keys()) - {MAINTENANCE_QUEUE}
    lines = {name: seen.lines.get(name, Line()) for name in names}
    return [
        QueueView(
            name=name,
            waiting=lines[name].waiting,
            running=lines[name].running,
            paused_at=paused[name].paused_at if name in paused else None,
            paused_by=paused[name].paused_by if name in paused else "",
            ready_since=lines[name].ready_since,
        )
        for name in sorted(names)
    ]


def pause(name: str, *, by: AbstractBaseUser | None = None) -> QueueView:
    """Let nobody take runs from queue `name` any more. Pausing twice changes nothing. Raises UnknownQueue."""
    _known(name)
    who = fit(by.get_username(), 150) if by is not None else ""
    with transaction.atomic():
        QueueState.objects.get_or_create(name=name)
        if QueueState.objects.filter(name=name, paused_at=None).update(paused_at=timezone.now(), paused_by=who):
            logger.info("Queue %s was paused by %s", name, who or "somebody in the terminal")
            audit.record("queue.paused", name, by=by)
            publish_on_commit([QUEUES], frames.queue(name, paused=True))
    return _known(name)


def resume(name: str, *, by: AbstractBaseUser | None = None) -> QueueView:
    """Let workers take runs from queue `name` again. Resuming twice changes nothing. Raises UnknownQueue."""
    _known(name)
    with transaction.atomic():
        if QueueState.objects.filter(name=name).exclude(paused_at=None).update(paused_at=None, paused_by=""):
            logger.info("Queue %s was resumed by %s", name, by.get_username() if by else "somebody in the terminal")
            audit.record("queue.resumed", name, by=by)
            publish_on_commit([QUEUES], frames.queue(name, paused=False))
    return _known(name)


def paused_since(names: Collection[str] | None = None) -> dict[str, datetime]:
    """The queues (of `names`, or all) that are paused, and since when. No query for no names."""
    if names is not None and not names:
        return {}
    states = QueueState.objects.exclude(paused_at=None)
    if names is not None:
        states = states.filter(name__in=names)
    return {name: at for name, at in states.values_list("name", "paused_at") if at is not None}


def _known(name: str) -> QueueView:
    queues = {queue.name: queue for queue in overview()}
    if name not in queues:
        raise UnknownQueue(name, list(queues))
    return queues[name]


def _configured() -> set[str]:
    return {name for backend in settings.TASKS.values() for name in backend.get("QUEUES", ["default"])}

"""Cancel or retry everything that matches the filter of the list: counted first, frozen at submit, done as a run.

The run carries the ids that matched when it was asked for, so neither a lost filter nor a run that appears later can
widen it. Each one is done under the asker's permissions as they are at that moment.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.tasks import task
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from live.numbers import grouped

from . import access, lifecycle
from .access import Viewer
from .exceptions import AlreadyRunning, CannotRetry, NumberChanged, TransitionRefused
from .filters import Filters
from .listing import oldest
from .models import TaskRun, TaskRunQuerySet
from .queues import MAINTENANCE_QUEUE
from .sentences import CANCELLED_WITH_OTHERS
from .states import Status
from .text import mask_secrets

if TYPE_CHECKING:
    from .backend import TaskContext

MOST = 10_000  # runs that one bulk run takes; the rest waits for the next one
NAMES_SHOWN = 5
FIRST = 100  # the highest priority: who wants to cancel a long line must not wait at its end


class Action(StrEnum):
    """What is done to everything that matches."""

    CANCEL = "cancel"
    RETRY = "retry"


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """How many runs match, `number` being at most MOST; `more` when there are more. `names`: the most frequent."""

    number: int
    more: bool
    names: list[tuple[str, int]]


def matching(user: Viewer, filters: Filters, action: Action) -> TaskRunQuerySet:
    """The runs that match and that `user` may cancel or retry now, oldest first. Raises BadFilter."""
    return takeable(access.controllable_runs(user), filters, action)


def takeable(runs: TaskRunQuerySet, filters: Filters, action: Action) -> TaskRunQuerySet:
    """Those of `runs` that match and can be cancelled or retried, oldest first; without those run again already."""
    runs = oldest(runs, filters.checked())
    if action is Action.CANCEL:
        return runs.live().filter(cancel_requested_at=None)
    return runs.with_status([Status.FAILED, Status.CANCELLED]).filter(retries=None)


def count(user: Viewer, filters: Filters, action: Action) -> Count:
    """How many runs would be taken, for the question before. Raises BadFilter."""
    names = list(matching(user, filters, action).values_list("name", flat=True)[: MOST + 1])
    return Count(
        number=min(len(names), MOST), more=len(names) > MOST, names=Counter(names[:MOST]).most_common(NAMES_SHOWN)
    )


def start(user: AbstractBaseUser, filters: Filters, action: Action, *, expected: int) -> TaskRun:
    """Freeze what matches and start a run that cancels or retries it.

    Raises NumberChanged when nothing matches, or more than the `expected` number that the asker was told; BadFilter.
    """
    with transaction.atomic():
        viewer: Any = user
        ids = list(matching(viewer, filters, action).values_list("pk", flat=True)[:MOST])
        if not ids or len(ids) > expected:
            raise NumberChanged(expected, len(ids))
        return lifecycle.create(
            lifecycle.NewRun(
                task=f"{__name__}.apply",
                name=_name(action, len(ids)),
                args=[],
                kwargs={"action": action.value, "run_ids": [str(pk) for pk in ids]},
                owner_id=user.pk,
                queue=MAINTENANCE_QUEUE,  # it must also run while the queue of those it cancels is paused
                priority=FIRST,
                max_attempts=3,  # nothing is done twice: see _retry
                metadata={"filter": {key: mask_secrets(value) for key, value in filters.asked.items()}},
            )
        )


@task(takes_context=True, max_attempts=3)  # type: ignore[call-overload, untyped-decorator, unused-ignore]
def apply(context: "TaskContext", action: str, run_ids: Sequence[str]) -> dict[str, int]:
    """Cancel or retry each of `run_ids` that the run's owner may. Returns what came of them."""
    counts = Counter({"done": 0, "left_alone": 0, "refused": 0})
    stage = _("cancelling") if action == Action.CANCEL else _("retrying")
    for run_id in context.progress.track(run_ids, stage=stage):
        counts[_apply_one(context.owner_id, Action(action), UUID(run_id))] += 1
    context.progress.update(message=_outcome(action, counts))
    return dict(counts)


def _outcome(action: str, counts: Counter[str]) -> str:
    """What came of it, for people."""
    said = {key: {"count": grouped(number)} for key, number in counts.items()}
    done, refused = _("%(count)s started again"), _("%(count)s not yours to retry")
    if action == Action.CANCEL:
        done, refused = _("%(count)s cancelled or asked to stop"), _("%(count)s not yours to cancel")
    parts = [done % said["done"]]
    if counts["left_alone"]:
        parts.append(_("%(count)s had moved on") % said["left_alone"])
    if counts["refused"]:
        parts.append(refused % said["refused"])
    return ", ".join(parts) + "."


def _name(action: Action, number: int) -> str:
    """What the run is called that does it."""
    if action is Action.CANCEL:
        words = ngettext("Cancel %(number)s run", "Cancel %(number)s runs", number)
    else:
        words = ngettext("Retry %(number)s run", "Retry %(number)s runs", number)
    return words % {"number": grouped(number)}


def _apply_one(asker_id: int | None, action: Action, run_id: UUID) -> str:
    # Both are read anew for each run: the asker may lose a permission, or their account, while this goes on.
    asker: Any = None if asker_id is None else get_user_model()._default_manager.filter(pk=asker_id).first()
    run = TaskRun.objects.filter(pk=run_id).first()
    if run is None:
        return "left_alone"
    if asker is None or not access.may_control(asker, run):
        return "refused"
    return "done" if take(run, action, by=asker) else "left_alone"


def take(run: TaskRun, action: Action, *, by: AbstractBaseUser | None) -> bool:
    """Cancel or retry one of those that matched. False when it has moved on, or somebody was first."""
    try:
        if action is Action.CANCEL:
            lifecycle.cancel(run, by=by, reason=CANCELLED_WITH_OTHERS)
            return True
        return _retry(run, by)
    except (TransitionRefused, CannotRetry, AlreadyRunning):
        return False


def _retry(run: TaskRun, asker: AbstractBaseUser | None) -> bool:
    """Run it again unless that was done already: by this very run before its worker was lost, or by somebody else."""
    with transaction.atomic():
        locked = TaskRun.objects.select_for_update(of=["self"]).get(pk=run.pk)
        if locked.retries.exists():
            return False
        lifecycle.retry(locked, by=asker)
    return True

"""Who may see, cancel and retry what. Pages, API and sockets all ask here."""

from uuid import UUID

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .models import Schedule, TaskRun, TaskRunQuerySet
from .states import LIVE, Status

type Viewer = AbstractUser | AnonymousUser

LOOK_ONLY = _("You may look at this schedule, but not change it.")


def get_visible_run(user: Viewer, run_id: UUID | str) -> TaskRun:
    """The run, if `user` may see it. Raises Http404 alike for one that is missing and one that is somebody else's."""
    try:
        key = run_id if isinstance(run_id, UUID) else UUID(run_id)
    except ValueError:
        raise Http404(gettext("No such run.")) from None
    run = TaskRun.objects.visible_to(user).select_related("owner").filter(pk=key).first()
    if run is None:
        raise Http404(gettext("No such run."))
    return run


def may_control(user: Viewer, run: TaskRun) -> bool:
    """May `user` change this run's fate: its owner, and staff who may control runs."""
    if not user.is_authenticated or not user.is_active:
        return False
    return run.owner_id == user.pk or (sees_everything(user) and user.has_perm("tasks.control_taskrun"))


def controllable_runs(user: Viewer) -> TaskRunQuerySet:
    """Every run of which `may_control` is true, as one query."""
    visible = TaskRun.objects.visible_to(user)
    if sees_everything(user) and not _staff_may(user, "tasks.control_taskrun"):
        return visible.filter(owner_id=user.pk)
    return visible


def sees_everything(user: Viewer) -> bool:
    """May `user` see the runs of others?"""
    return _staff_may(user, "tasks.view_taskrun")


def may_control_queues(user: Viewer) -> bool:
    """May `user` pause and resume queues: staff who may control every run."""
    return _staff_may(user, "tasks.control_taskrun")


def visible_schedules(user: Viewer) -> QuerySet[Schedule]:
    """The schedules `user` may see: those that run for them; every one for staff who may view schedules."""
    if not user.is_authenticated or not user.is_active:
        return Schedule.objects.none()
    if _staff_may(user, "tasks.view_schedule"):
        return Schedule.objects.all()
    return Schedule.objects.filter(owner_id=user.pk)


def get_changeable_schedule(user: Viewer, schedule_id: int) -> Schedule:
    """The schedule, if `user` may say what it runs, how and for whom. Raises Http404 when they may not even see it."""
    return _schedule(user, schedule_id, allowed=may_change_schedules(user))


def get_switchable_schedule(user: Viewer, schedule_id: int) -> Schedule:
    """The same for turning it on and off and for starting it now."""
    schedule = _schedule(user, schedule_id, allowed=True)
    if not may_switch_schedule(user, schedule):
        raise PermissionDenied(str(LOOK_ONLY))
    return schedule


def get_deletable_schedule(user: Viewer, schedule_id: int) -> Schedule:
    """The same for deleting."""
    return _schedule(user, schedule_id, allowed=may_delete_schedules(user))


def may_add_schedules(user: Viewer) -> bool:
    """May `user` have the clock start runs: staff with that permission. So for changing and deleting."""
    return _staff_may(user, "tasks.add_schedule")


def may_change_schedules(user: Viewer) -> bool:
    """May `user` change what the schedules they see run, when, and for whom?"""
    return _staff_may(user, "tasks.change_schedule")


def may_switch_schedule(user: Viewer, schedule: Schedule) -> bool:
    """May `user` turn it on and off and start it now: the person it runs for, whose runs they are; else as above."""
    if not user.is_authenticated or not user.is_active:
        return False
    return schedule.owner_id == user.pk or may_change_schedules(user)


def may_delete_schedules(user: Viewer) -> bool:
    """May `user` delete the schedules they see?"""
    return _staff_may(user, "tasks.delete_schedule")


def _schedule(user: Viewer, schedule_id: int, *, allowed: bool) -> Schedule:
    schedule = visible_schedules(user).select_related("owner").filter(pk=schedule_id).first()
    if schedule is None:
        raise Http404(gettext("No such schedule."))
    if not allowed:
        raise PermissionDenied(str(LOOK_ONLY))
    return schedule


def _staff_may(user: Viewer, permission: str) -> bool:
    return bool(user.is_authenticated and user.is_active and user.is_staff and user.has_perm(permission))


def can_cancel(user: Viewer, run: TaskRun) -> bool:
    """Does a Cancel button make sense: the run is live, nobody asked yet, and `user` may."""
    return run.status in LIVE and run.cancel_requested_at is None and may_control(user, run)


def can_retry(user: Viewer, run: TaskRun) -> bool:
    """Does a Retry button make sense: the run failed or was cancelled, and `user` may."""
    return run.status in {Status.FAILED, Status.CANCELLED} and may_control(user, run)

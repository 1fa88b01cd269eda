"""Who may see, cancel and retry what. Pages, API and sockets all ask here."""

from uuid import UUID

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.http import Http404

from .models import TaskRun
from .states import LIVE, Status

type Viewer = AbstractUser | AnonymousUser


def get_visible_run(user: Viewer, run_id: UUID | str) -> TaskRun:
    """The run, if `user` may see it. Raises Http404 alike for one that is missing and one that is somebody else's."""
    try:
        key = run_id if isinstance(run_id, UUID) else UUID(run_id)
    except ValueError:
        raise Http404("No such run.") from None
    run = TaskRun.objects.visible_to(user).select_related("owner").filter(pk=key).first()
    if run is None:
        raise Http404("No such run.")
    return run


def may_control(user: Viewer, run: TaskRun) -> bool:
    """May `user` change this run's fate: its owner, and staff who may control runs."""
    if not user.is_authenticated or not user.is_active:
        return False
    return run.owner_id == user.pk or (sees_everything(user) and user.has_perm("tasks.control_taskrun"))


def sees_everything(user: Viewer) -> bool:
    """May `user` see the runs of others?"""
    return bool(user.is_authenticated and user.is_active and user.is_staff and user.has_perm("tasks.view_taskrun"))


def may_control_queues(user: Viewer) -> bool:
    """May `user` pause and resume queues: staff who may control every run."""
    return bool(user.is_authenticated and user.is_active and user.is_staff and user.has_perm("tasks.control_taskrun"))


def can_cancel(user: Viewer, run: TaskRun) -> bool:
    """Does a Cancel button make sense: the run is live, nobody asked yet, and `user` may."""
    return run.status in LIVE and run.cancel_requested_at is None and may_control(user, run)


def can_retry(user: Viewer, run: TaskRun) -> bool:
    """Does a Retry button make sense: the run failed or was cancelled, and `user` may."""
    return run.status in {Status.FAILED, Status.CANCELLED} and may_control(user, run)

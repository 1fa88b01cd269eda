"""The pages of schedules. No rules in here: access.py says who may, schedules.py what happens."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from live.limits import Kind, limited

from . import access, schedules
from .exceptions import AlreadyRunning, BadSchedule
from .forms import ScheduleForm
from .models import Schedule
from .schedule_pages import count_words, present_schedules


@never_cache
@login_required
@require_safe
def schedule_list(request: HttpRequest) -> HttpResponse:
    """Every schedule the viewer may see: when it runs next, how it went last."""
    shown = present_schedules(request.user)
    context = {
        "schedules": shown,
        "count": count_words(shown),
        "may_add": access.may_add_schedules(request.user),
        "sees_all": access.sees_everything(request.user),
    }
    return render(request, "tasks/schedules.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@limited(Kind.CREATE)
def schedule_new(request: HttpRequest) -> HttpResponse:
    """A new schedule."""
    if not access.may_add_schedules(request.user):
        raise PermissionDenied
    return _edit(request, None)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def schedule_edit(request: HttpRequest, schedule_id: int) -> HttpResponse:
    """What, how, when, for whom."""
    return _edit(request, access.get_changeable_schedule(request.user, schedule_id))


@login_required
@require_POST
def schedule_enable(request: HttpRequest, schedule_id: int) -> HttpResponse:
    """Start it by the clock again."""
    schedule = access.get_switchable_schedule(request.user, schedule_id)
    try:
        schedules.enable(schedule)
    except BadSchedule as bad:
        messages.error(request, _("“%(name)s” cannot be turned on: %(error)s") % {"name": schedule.name, "error": bad})
    else:
        messages.success(
            request, _("“%(name)s” is on. What was due meanwhile is not made up for.") % {"name": schedule.name}
        )
    return redirect("tasks:schedule-list")


@login_required
@require_POST
def schedule_disable(request: HttpRequest, schedule_id: int) -> HttpResponse:
    """Start it no more."""
    schedule = schedules.disable(access.get_switchable_schedule(request.user, schedule_id))
    messages.success(request, _("“%(name)s” is off. A run that is under way goes on.") % {"name": schedule.name})
    return redirect("tasks:schedule-list")


@login_required
@require_POST
@limited(Kind.START)
def schedule_run(request: HttpRequest, schedule_id: int) -> HttpResponse:
    """Start it at once, beside its rhythm."""
    user = cast(User, request.user)
    schedule = access.get_switchable_schedule(user, schedule_id)
    try:
        schedules.run_now(schedule, by=user)
    except AlreadyRunning:
        messages.info(request, _("“%(name)s” is running already, or waits to.") % {"name": schedule.name})
    except BadSchedule as bad:
        messages.error(request, _("“%(name)s” cannot run: %(error)s") % {"name": schedule.name, "error": bad})
    else:
        messages.success(request, _("“%(name)s” is started.") % {"name": schedule.name})
    return redirect("tasks:schedule-list")


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def schedule_delete(request: HttpRequest, schedule_id: int) -> HttpResponse:
    """Ask, then delete the schedule. Its runs stay."""
    schedule = access.get_deletable_schedule(request.user, schedule_id)
    if request.method != "POST":
        return render(request, "tasks/schedule_delete.html", {"schedule": schedule})
    schedules.delete(schedule)
    messages.success(request, _("“%(name)s” is deleted. Its runs stay.") % {"name": schedule.name})
    return redirect("tasks:schedule-list")


def _edit(request: HttpRequest, schedule: Schedule | None) -> HttpResponse:
    form = ScheduleForm(request.POST or None, schedule=schedule, user=cast(User, request.user))
    if request.method == "POST" and form.is_valid():
        stored = form.save()
        if stored is not None:
            messages.success(request, _("“%(name)s” is saved.") % {"name": stored.name})
            return redirect("tasks:schedule-list")
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "tasks/schedule_form.html", {"form": form, "schedule": schedule}, status=status)

"""The page of queues. No rules in here: access.py says who may, queues.py what happens."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from live.limits import Kind, limited

from . import access, queues
from .exceptions import UnknownQueue


@never_cache
@login_required
@require_safe
def queue_list(request: HttpRequest) -> HttpResponse:
    """What waits and runs in each queue, and which are paused."""
    if not access.sees_everything(request.user):
        raise PermissionDenied
    context = {"queues": queues.overview(), "may_control": access.may_control_queues(request.user)}
    return render(request, "tasks/queues.html", context)


@login_required
@require_POST
@limited(Kind.CONTROL)
def queue_pause(request: HttpRequest, name: str) -> HttpResponse:
    """Let workers take nothing from it."""
    return _change(request, name, paused=True)


@login_required
@require_POST
@limited(Kind.CONTROL)
def queue_resume(request: HttpRequest, name: str) -> HttpResponse:
    """Let workers take from it again."""
    return _change(request, name, paused=False)


def _change(request: HttpRequest, name: str, *, paused: bool) -> HttpResponse:
    if not access.may_control_queues(request.user):
        raise PermissionDenied
    try:
        (queues.pause if paused else queues.resume)(name, by=cast(User, request.user))
    except UnknownQueue as error:
        raise Http404(str(error)) from None
    done = _("The queue “%(name)s” is paused. What runs, runs on.") if paused else _("The queue “%(name)s” goes on.")
    messages.success(request, done % {"name": name})
    return redirect("tasks:queue-list")

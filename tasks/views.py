"""The pages of runs. No rules in here: access.py says who may, lifecycle.py what happens."""

from collections.abc import Callable
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from live.limits import Kind, limited

from . import access, correlation, lifecycle
from .exceptions import AlreadyRunning, TaskManagerError, TransitionRefused
from .item_views import items_context
from .lines import look
from .models import TaskRun
from .pages import page_of_runs
from .presenters import NOT_SHOWN, present_run, present_runs
from .redaction import named_arguments
from .standstill import find_standstill
from .states import Status
from .story import story_of
from .trees import json_of, tree_of

RELATED_SHOWN = 5


@never_cache
@login_required
@require_safe
def run_list(request: HttpRequest) -> HttpResponse:
    """Every run the viewer may see, newest first."""
    sees_all = access.sees_everything(request.user)
    page = page_of_runs(request.user, request.GET, sees_all=sees_all)
    context = {
        "page": page,
        "sees_all": sees_all,
        "has_schedules": access.visible_schedules(request.user).exists(),
    }
    return render(request, "tasks/list.html", context)


@never_cache
@login_required
@require_safe
def run_detail(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """One run: how far, what happened, what came of it."""
    user = cast(User, request.user)
    run = access.get_visible_run(user, run_id)
    others = _related(user, run)
    # One look at the queues for whatever waits here, and for why it does.
    waits = run.status == Status.PENDING
    seen = look() if waits else None
    shown, *related = present_runs([run, *others], user, seen=seen)
    for_staff = access.sees_everything(user)
    # By a request's id one finds lines of a log, which only staff have.
    details = {key: value for key, value in run.metadata.items() if for_staff or key not in correlation.FOR_STAFF}
    context = {
        "run": shown,
        "row": run,
        "story": story_of(run, request.GET.dict()),
        **_arguments(run),
        "result": tree_of(run.result) if run.result is not None else (),
        "result_json": json_of(run.result) if run.result is not None else "",
        "details": tree_of(details) if details else (),
        "related": [(_relation(run, other), view) for other, view in zip(others, related, strict=True)],
        "standstill": find_standstill(queue=run.queue, seen=seen) if waits else None,
        "for_staff": for_staff,
        **items_context(run, user, request.GET.dict()),
    }
    return render(request, "tasks/detail.html", context)


@never_cache
@login_required
@require_safe
def run_actions(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The buttons this viewer has for a run now: fetched when its status has changed."""
    run = present_run(access.get_visible_run(request.user, run_id), request.user)
    return render(request, "tasks/components/actions.html", {"run": run, "next": _next(request)})


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@limited(Kind.CONTROL)
def run_cancel(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """GET asks, for browsers without JavaScript; POST cancels."""
    user = cast(User, request.user)
    run = access.get_visible_run(user, run_id)
    if request.method != "POST":
        if not access.can_cancel(user, run):
            return redirect(run)
        back = _next(request)
        context = {"run": present_run(run, user), "next": back, "back_url": back or run.get_absolute_url()}
        return render(request, "tasks/cancel.html", context)
    if not access.may_control(user, run):
        return render(request, "403.html", status=403)
    try:
        now = lifecycle.cancel(run, by=user)
    except TransitionRefused:  # it ended first: the page shows how
        messages.info(request, _("“%(name)s” had ended already.") % {"name": run.name})
    else:
        done = _("“%(name)s” is cancelled.") if now.is_final else _("“%(name)s” is being cancelled.")
        messages.success(request, done % {"name": run.name})
    return HttpResponseRedirect(_next(request) or run.get_absolute_url())


@login_required
@require_POST
@limited(Kind.CONTROL)
def run_retry(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Run again what failed or was cancelled, and go to the new run."""
    return _start_again(request, run_id, lifecycle.retry, _("“%(name)s” runs again."))


@login_required
@require_POST
@limited(Kind.CONTROL)
def run_retry_failed(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Run what failed again, and go to the new run."""
    return _start_again(request, run_id, lifecycle.retry_failed_items, _("“%(name)s” runs again for what failed."))


def _start_again(request: HttpRequest, run_id: UUID, start: Callable[..., TaskRun], done: str) -> HttpResponse:
    """Make a new run of an old one with `start(run, by=user)`, and go to it; `done` is said of its name."""
    user = cast(User, request.user)
    run = access.get_visible_run(user, run_id)
    if not access.may_control(user, run):
        return render(request, "403.html", status=403)
    try:
        again = start(run, by=user)
    except AlreadyRunning as busy:
        messages.warning(request, _("This is running already; here it is."))
        return redirect("tasks:detail", busy.run_id)
    except TaskManagerError as refused:
        messages.error(request, str(refused))
        return redirect(run)
    messages.success(request, done % {"name": again.name})
    return redirect(again)


def _related(user: User, run: TaskRun) -> list[TaskRun]:
    """What this run repeats and what repeats it, then the latest of the same sort: a few, newest first."""
    visible = TaskRun.objects.visible_to(user).select_related("owner").defer(*NOT_SHOWN).exclude(pk=run.pk)
    kin = visible.filter(retry_of=run.pk)
    if run.retry_of_id is not None:
        kin = kin | visible.filter(pk=run.retry_of_id) | visible.filter(retry_of=run.retry_of_id)
    alike = visible.filter(task=run.task, owner=run.owner_id, topic=run.topic)
    # One question for both; what is both, is kin.
    closest = {found.pk: found for found in kin[:RELATED_SHOWN].union(alike[:RELATED_SHOWN], all=True)}
    newest = sorted(closest.values(), key=lambda other: (other.created_at, other.pk), reverse=True)
    return sorted(newest, key=lambda other: _is_kin(run, other), reverse=True)[:RELATED_SHOWN]


def _is_kin(run: TaskRun, other: TaskRun) -> bool:
    """Does one repeat the other, or do both repeat the same?"""
    return other.retry_of_id == run.pk or (
        run.retry_of_id is not None and run.retry_of_id in {other.pk, other.retry_of_id}
    )


def _relation(run: TaskRun, other: TaskRun) -> str:
    """What the other one is to `run`."""
    if other.pk == run.retry_of_id:
        return _("Repeated by this one")
    if other.retry_of_id == run.pk:
        return _("Repeats this one")
    if _is_kin(run, other):
        return _("Repeats the same run")
    schedule = run.metadata.get("schedule_id")
    of_schedule = schedule is not None and other.metadata.get("schedule_id") == schedule
    return _("Same schedule") if of_schedule else _("Same task")


def _arguments(run: TaskRun) -> dict[str, object]:
    named = named_arguments(run.task, run.args, run.kwargs)
    return {"arguments": tree_of(named), "arguments_json": json_of(named)} if named else {}


def _next(request: HttpRequest) -> str:
    """Where to go back to, if it is a page of this site."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    own = url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return target if own and target.startswith("/") else ""

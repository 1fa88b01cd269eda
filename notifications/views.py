"""The notifications page and the bell's panel. Reading changes nothing; every change is a POST.

Each change answers a form with a redirect, and htmx with the part of the page that it changes.
"""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Concatenate, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from live.moments import in_utc
from live.numbers import grouped

from . import facade
from .models import Notification
from .paging import BadCursor
from .presenters import PANEL_SIZE, page_of_notices

type View[**P] = Callable[Concatenate[HttpRequest, P], HttpResponse]


@never_cache
@login_required
@require_safe
def notification_list(request: HttpRequest) -> HttpResponse:
    """All notifications of the signed-in user, newest first."""
    user = cast(User, request.user)
    unread_only = request.GET.get("show") == "unread"
    cursor = request.GET.get("after", "")
    try:
        page = page_of_notices(user, unread_only=unread_only, cursor=cursor)
    except BadCursor:
        return redirect("notifications:list")
    return render(request, "notifications/list.html", {"page": page, "cursor": cursor})


@never_cache
@login_required
@require_safe
def notification_panel(request: HttpRequest) -> HttpResponse:
    """The panel under the bell; without JavaScript the bell is a link to the page instead."""
    return _panel(request)


def _change[**P](view: Callable[Concatenate[HttpRequest, User, P], str | None]) -> View[P]:
    """A POST that changes something, then shows the panel (htmx) or goes back to the page it came from."""

    @wraps(view)
    def answer(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        in_panel = bool(request.headers.get("HX-Request"))
        try:
            said = view(request, cast(User, request.user), *args, **kwargs)
        except Http404:
            if not in_panel:
                raise
            # Dismissed in another tab meanwhile: the panel as it is now says so best.
        if in_panel:
            return _panel(request)
        if said:
            messages.success(request, said)
        return HttpResponseRedirect(_back(request))

    return login_required(require_POST(answer))


@login_required
@require_POST
def notification_open(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark it read and go where it leads: a POST, because a GET must change nothing."""
    user = cast(User, request.user)
    notification = Notification.objects.visible_to(user).filter(pk=pk).first()
    if notification is None:
        raise Http404("No such notification.")
    facade.mark_notification_as_read(pk, user)
    return HttpResponseRedirect(notification.safe_link or reverse("notifications:list"))


@_change
def notification_read(request: HttpRequest, user: User, pk: int) -> str | None:
    """Read, for this user."""
    _must_exist(facade.mark_notification_as_read(pk, user))
    return None


@_change
def notification_unread(request: HttpRequest, user: User, pk: int) -> str | None:
    """Unread again, for this user."""
    _must_exist(facade.mark_notification_as_unread(pk, user))
    return None


@_change
def notification_delete(request: HttpRequest, user: User, pk: int) -> str | None:
    """Gone for this user. 404 for somebody else's, and for one that is gone already."""
    _must_exist(facade.delete_notification(pk, user))
    return None


@_change
def notification_read_all(request: HttpRequest, user: User) -> str | None:
    """Everything the person has seen is read; what arrived since stays unread."""
    try:
        up_to = in_utc(datetime.fromisoformat(request.POST.get("up_to", "")))
    except ValueError:
        up_to = None
    count = facade.mark_all_notifications_as_read(user, up_to=up_to)
    if not count:
        return _("Nothing was unread.")
    return ngettext("%(count)s marked as read.", "%(count)s marked as read.", count) % {"count": grouped(count)}


@_change
def notification_clear_read(request: HttpRequest, user: User) -> str | None:
    """Everything read is gone."""
    count = facade.delete_read_notifications(user)
    said = ngettext("%(count)s read notification cleared.", "%(count)s read notifications cleared.", count)
    return said % {"count": grouped(count)}


def _panel(request: HttpRequest) -> HttpResponse:
    page = page_of_notices(cast(User, request.user), limit=PANEL_SIZE)
    return render(request, "notifications/partials/panel.html", {"page": page})


def _must_exist(found: bool) -> None:
    if not found:
        raise Http404("No such notification.")


def _back(request: HttpRequest) -> str:
    """The page of this site the form was on."""
    target = request.POST.get("next", "")
    own = url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return target if own and target.startswith("/") else reverse("notifications:list")

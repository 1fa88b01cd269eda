"""The page of where a person is signed in."""

from typing import cast

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from . import sessions
from .audit.listing import lately_about


@never_cache
@login_required
@require_safe
def session_list(request: HttpRequest) -> HttpResponse:
    """This session first, then the others; and what was done with the account lately."""
    here = request.session.session_key
    found = sorted(sessions.sessions_of(cast(User, request.user)), key=lambda one: one.session_id != here)
    context = {
        "sessions": found,
        "here": here,
        "others": any(one.session_id != here for one in found),
        "entries": lately_about(cast(User, request.user)),
    }
    return render(request, "accounts/sessions.html", context)


@login_required
@require_POST
def session_end(request: HttpRequest, session_id: int) -> HttpResponse:
    """Sign out there; here, as the button in the menu does. 404 for another's, and for one that has ended."""
    user = cast(User, request.user)
    one = sessions.sessions_of(user).filter(pk=session_id).first()
    if one is None:
        raise Http404("No such session.")
    if one.session_id == request.session.session_key:
        logout(request)
        return redirect("sign-in")
    sessions.end(user, session_id)
    messages.success(request, _("Signed out there."))
    return redirect("session-list")


@login_required
@require_POST
def session_end_others(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    sessions.end_others(cast(User, request.user), request.session.session_key or "")
    messages.success(request, _("You are signed in here alone."))
    return redirect("session-list")

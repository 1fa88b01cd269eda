"""What a person wants of collecting as a whole."""

from typing import cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ingest.forms import PreferencesForm
from ingest.preferences import change_preferences, preferences_of

from .shared import status_of


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def collect_preferences(request: HttpRequest) -> HttpResponse:
    """Auto-Processing on or off for all topics, and the digest."""
    user = cast(User, request.user)
    form = PreferencesForm(request.POST or None, preferences=preferences_of(user))
    if form.is_valid():
        change_preferences(user, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("collect-preferences")
    context = {"form": form, "zone": settings.TIME_ZONE}
    return render(request, "ingest/preferences.html", context, status=status_of(form))

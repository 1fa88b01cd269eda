"""The page on which a person says what they want to be told, and the log of what was sent to them."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from live.limits import Kind, limited

from .models import NotificationDelivery
from .preference_forms import PreferencesForm
from .preferences import preferences_of, renew_secret, save_preferences

PAGE_SIZE = 25


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """Show and change them."""
    user = cast(User, request.user)
    row = preferences_of(user)
    form = PreferencesForm(row, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            save_preferences(user, chosen=form.chosen, **{name: form.cleaned_data[name] for name in form.base_fields})
        except ValidationError as error:
            for field, texts in error.message_dict.items():
                form.add_error(field if field in form.fields else None, texts)
        else:
            messages.success(request, _("Saved. It counts for what is told from now on."))
            return redirect("notifications:preferences")
    status = 422 if form.errors else 200
    return render(request, "notifications/preferences.html", {"form": form, "row": row}, status=status)


@login_required
@require_POST
@limited(Kind.CREATE)
def webhook_secret(request: HttpRequest) -> HttpResponse:
    """Make another secret for the webhook."""
    renew_secret(cast(User, request.user))
    messages.success(request, _("There is a new secret. What is signed with the old one is nobody’s any more."))
    return redirect("notifications:preferences")


@never_cache
@login_required
@require_safe
def delivery_list(request: HttpRequest) -> HttpResponse:
    """Letters and webhooks of the signed-in user, newest first."""
    rows = NotificationDelivery.objects.filter(user=cast(User, request.user)).order_by("-id")
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "notifications/deliveries.html", {"page_obj": page})

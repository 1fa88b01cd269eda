"""A person's own account: signing in and out, profile, password."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.contrib.messages.views import SuccessMessageMixin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import tokens
from notifications.preferences import preferences_of, save_preferences

from .account_forms import PasswordForm, ProfileForm

sign_in = LoginView.as_view(template_name="registration/sign_in.html", redirect_authenticated_user=True)
sign_out = LogoutView.as_view()


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Show who one is here, and change what one may."""
    user = User.objects.get(pk=cast(User, request.user).pk)  # the form writes into it: the page keeps the old name
    row = preferences_of(user)
    initial = {"time_zone": row.time_zone, "language": row.language}
    form = ProfileForm(request.POST or None, instance=user, initial=initial)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            user.save(update_fields=form.Meta.fields)
            save_preferences(user, **{name: form.cleaned_data[name] for name in initial})
        if form.cleaned_data["language"]:
            translation.activate(form.cleaned_data["language"])  # the answer speaks it already
        messages.success(request, _("Saved."))
        return redirect("profile")
    return render(request, "account/profile.html", {"form": form}, status=422 if form.errors else 200)


class ChangePassword(SuccessMessageMixin, PasswordChangeView):
    """Another password. Sessions elsewhere end with the old one, and their sockets; this session stays.

    API tokens stay as well, unless one says otherwise: programs are not to stop because a person changed theirs.
    """

    template_name = "account/password.html"
    form_class = PasswordForm
    success_url = reverse_lazy("profile")
    success_message = gettext_lazy("Your password is changed. Wherever else you were signed in, you are not any more.")

    def form_valid(self, form: Any) -> HttpResponse:
        """In one transaction, with what the audit trail says of it."""
        with transaction.atomic():
            if form.cleaned_data.get("revoke_tokens"):
                tokens.revoke_all(form.user)
            return super().form_valid(form)


change_password = never_cache(ChangePassword.as_view())

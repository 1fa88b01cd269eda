"""The page of a person's own API tokens."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from live.limits import Kind, limited

from . import tokens
from .forms import TokenForm
from .scopes import Scope


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_variables("secret")
@limited(Kind.CREATE)
def token_list(request: HttpRequest) -> HttpResponse:
    """Those that are valid, those that lately were, a form for one more. What a new one says is shown here, once."""
    user = cast(User, request.user)
    form, made, secret = TokenForm(request.POST or None), None, ""
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        try:
            made, secret = tokens.create(
                user,
                name=asked["name"],
                scopes=[Scope(scope) for scope in asked["scopes"]],
                expires_at=form.expires_at,
            )
        except tokens.TooManyTokens:
            form.add_error(
                None,
                ngettext(
                    "You have %(count)s valid token, which is as many as one may. Revoke it first.",
                    "You have %(count)s valid tokens, which is as many as one may. Revoke one first.",
                    tokens.MOST,
                )
                % {"count": tokens.MOST},
            )
        else:
            form = TokenForm()
    valid, ended = tokens.tokens_of(user)
    context = {"form": form, "made": made, "secret": secret, "valid": valid, "ended": ended}
    # Not a redirect: what is shown once would have to be kept somewhere until then.
    return render(request, "accounts/tokens.html", context, status=201 if made else 422 if form.errors else 200)


@login_required
@require_POST
def token_revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """Let nobody in with it any more. 404 for another's; twice is fine."""
    user = cast(User, request.user)
    if not tokens.revoke(user, token_id) and not user.api_tokens.filter(pk=token_id).exists():
        raise Http404("No such token.")
    messages.success(request, _("Revoked. Whatever used it is let in no more."))
    return redirect("token-list")

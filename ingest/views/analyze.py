"""The page of a bulk analysis: look at the addresses first, then start."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ingest.addresses import started
from ingest.analyze_form import AnalyzeForm
from ingest.jobs import places_left, start_bulk_analysis
from live.limits import Kind, limited


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
@limited(Kind.START)
def bulk_analyze(request: HttpRequest) -> HttpResponse:
    """What would be read, and what cannot be used; then the run, once somebody has seen that."""
    user = cast(User, request.user)
    if request.method == "GET":
        form = AnalyzeForm(owner=user)
        form.initial["topic"] = request.GET.get("topic", "") or next(iter(form.topics), "")
        return render(request, "ingest/analyze.html", {"form": form, "check": None})
    form = AnalyzeForm(request.POST, request.FILES, owner=user)
    valid = form.is_valid()
    check = form.check()
    if not check.addresses.urls and not check.addresses.bad and "file" not in form.errors:
        form.add_error("text", _("Paste some addresses, or choose a file of them."))
        valid = False
    status = 200 if valid else 422
    seen = request.POST.get("seen") == check.addresses.digest
    if valid and check.can_start and seen and request.POST.get("do") == "start":
        if places_left(user) > 0:
            return _start(request, user, form, check.addresses.urls)
        messages.error(request, _("Many of your runs are waiting. Let some end first: your addresses are still here."))
        status = 429
    return render(request, "ingest/analyze.html", {"form": form, "check": check}, status=status)


def _start(request: HttpRequest, user: User, form: AnalyzeForm, urls: tuple[str, ...]) -> HttpResponse:
    cleaned = form.cleaned_data
    run_id = start_bulk_analysis(
        user,
        urls,
        cleaned["name"],
        keywords=cleaned["lines"],
        relevance_threshold=cleaned["relevance_threshold"],
        save=cleaned["save"],
    )
    messages.success(request, started(len(urls)))
    return redirect("tasks:detail", run_id)

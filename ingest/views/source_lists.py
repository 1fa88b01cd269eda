"""Sources by the list: in, and out."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from ingest import access
from ingest.models import Source
from ingest.sources.exporting import write_csv, write_opml
from ingest.sources.forms import ImportForm
from ingest.sources.importing import import_lines
from ingest.sources.jobs import SMALL, start_import
from ingest.sources.listing import Filters, sources_of
from live.limits import Kind, limited
from tasks.exceptions import AlreadyRunning
from tasks.models import TaskRun


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@limited(Kind.IMPORT)
def source_import(request: HttpRequest, topic_id: int) -> HttpResponse:
    """Take a list of sources: at once when it is short, else as a run with a bar."""
    topic = access.get_changeable_topic(request.user, topic_id)
    sent = request.method == "POST"
    form = ImportForm(request.POST, request.FILES) if sent else ImportForm()
    context = {"topic": topic, "form": form, "report": None}
    if not form.is_valid():
        return render(request, "ingest/source_import.html", context, status=422 if sent else 200)
    look = form.cleaned_data["look"]
    if len(form.lines) <= SMALL and not look:
        return render(request, "ingest/source_import.html", {**context, "report": import_lines(topic, form.lines)})
    try:
        run = TaskRun.objects.get(pk=start_import(topic, form.lines, look=look).id)
    except AlreadyRunning as error:
        messages.info(
            request,
            _("Another import into “%(topic)s” is under way: this is that run. Yours was not taken.")
            % {"topic": topic.name},
        )
        return redirect("tasks:detail", error.run_id)
    return redirect(run)


@never_cache
@login_required
@require_safe
def topic_export(request: HttpRequest, topic_id: int) -> HttpResponse:
    """The topic's sources as OPML, or with ?format=csv as CSV; those that match, if the address has a filter."""
    topic = access.get_visible_topic(request.user, topic_id)
    return _export(request, Filters.of(request.GET.dict()).select(topic.sources.all()), topic.name)


@never_cache
@login_required
@require_safe
def source_export(request: HttpRequest) -> HttpResponse:
    """All sources of the viewer's own topics."""
    user = cast(User, request.user)
    title = _("Sources of %(owner)s") % {"owner": user.get_username()}
    return _export(request, Filters.of(request.GET.dict()).select(sources_of(user)), title)


def _export(request: HttpRequest, sources: QuerySet[Source], title: str) -> HttpResponse:
    rows = sources.order_by("folder", "pk").only("url", "title", "folder", "site_url")
    if request.GET.get("format") == "csv":
        return _file(write_csv(rows), "text/csv", "sources.csv")
    return _file(write_opml(rows, title=title), "text/x-opml", "sources.opml")


def _file(text: str, content_type: str, name: str) -> HttpResponse:
    return HttpResponse(
        text,
        content_type=f"{content_type}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"},
    )

"""The sources of a topic."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from ingest import access
from ingest.forms import SourceForm
from ingest.models import Source

from .shared import status_of


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def topic_sources(request: HttpRequest, topic_id: int) -> HttpResponse:
    """Where the topic's articles come from; a POST adds a source."""
    topic = access.get_visible_topic(request.user, topic_id)
    form = SourceForm()
    if request.method == "POST":
        topic = access.get_changeable_topic(request.user, topic_id)
        form = SourceForm(request.POST, instance=Source(topic=topic))
        if form.is_valid():
            form.save()
            return redirect("topic-sources", topic.pk)
    context = {
        "topic": topic,
        "can_change": access.may_change(request.user, topic),
        "sources": topic.sources.all(),
        "form": form,
    }
    return render(request, "ingest/sources.html", context, status=status_of(form))


@login_required
@require_POST
def source_delete(request: HttpRequest, topic_id: int, source_id: int) -> HttpResponse:
    """One source less; its articles stay."""
    topic = access.get_changeable_topic(request.user, topic_id)
    get_object_or_404(topic.sources, pk=source_id).delete()
    return redirect("topic-sources", topic.pk)

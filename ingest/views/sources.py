"""The sources of a topic."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from ingest import access
from ingest.forms import SourceForm
from ingest.models import Source

from .shared import topic_page


@login_required
@require_POST
def source_add(request: HttpRequest, topic_id: int) -> HttpResponse:
    """One more feed."""
    topic = access.get_changeable_topic(request.user, topic_id)
    form = SourceForm(request.POST, instance=Source(topic=topic))
    if not form.is_valid():
        return topic_page(request, topic, source_form=form)
    form.save()
    return redirect(topic)


@login_required
@require_POST
def source_delete(request: HttpRequest, topic_id: int, source_id: int) -> HttpResponse:
    """One feed less; its articles stay."""
    topic = access.get_changeable_topic(request.user, topic_id)
    get_object_or_404(topic.sources, pk=source_id).delete()
    return redirect(topic)

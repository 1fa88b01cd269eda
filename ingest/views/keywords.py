"""The keywords of a topic."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from ingest import access
from ingest.forms import KeywordForm
from ingest.models import Keyword

from .shared import topic_page


@login_required
@require_POST
def keyword_add(request: HttpRequest, topic_id: int) -> HttpResponse:
    """One more keyword."""
    topic = access.get_changeable_topic(request.user, topic_id)
    form = KeywordForm(request.POST, instance=Keyword(topic=topic))
    if not form.is_valid():
        return topic_page(request, topic, keyword_form=form)
    form.save()
    return redirect(topic)


@login_required
@require_POST
def keyword_delete(request: HttpRequest, topic_id: int, keyword_id: int) -> HttpResponse:
    """One keyword less."""
    topic = access.get_changeable_topic(request.user, topic_id)
    get_object_or_404(topic.keywords, pk=keyword_id).delete()
    return redirect(topic)

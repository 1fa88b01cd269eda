"""The rules of a topic: its keywords, language and thresholds."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ingest import access
from ingest.forms import RulesForm

from .shared import status_of


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def topic_rules(request: HttpRequest, topic_id: int) -> HttpResponse:
    """What the topic asks of its articles; a POST changes it."""
    topic = access.get_visible_topic(request.user, topic_id)
    if request.method == "POST":
        topic = access.get_changeable_topic(request.user, topic_id)
    form = RulesForm(request.POST or None, topic=topic)
    if form.is_valid():
        form.save()
        messages.success(request, "Saved. The new rules count from the next run on.")
        return redirect("topic-rules", topic.pk)
    context = {"topic": topic, "can_change": access.may_change(request.user, topic), "form": form}
    return render(request, "ingest/rules.html", context, status=status_of(form))

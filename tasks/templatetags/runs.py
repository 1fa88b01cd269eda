"""Template tags of runs: `{% load runs %}`."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest
from django.template import Context, Library
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from live.templatetags.live import flat
from tasks.access import get_visible_run
from tasks.models import TaskRun
from tasks.presenters import present_run

register = Library()


@register.simple_tag(takes_context=True)
def run_bar(context: Context, run: "TaskRun | UUID | str | Any") -> SafeString:
    """A live bar for `run`: a TaskRun, its id, or what `enqueue` returned. Brings along what a live page needs.

    Nothing for a run that is not there, and alike for one that the signed-in person may not see. Two to four queries.
    """
    request = context.get("request")
    if not isinstance(request, HttpRequest):
        raise ImproperlyConfigured(
            "{% run_bar %} asks who is looking: add django.template.context_processors.request to TEMPLATES."
        )
    run_id = getattr(run, "id", run)
    try:
        row = get_visible_run(request.user, run_id if isinstance(run_id, UUID) else str(run_id))
    except Http404:
        return SafeString()
    shown = {"run": present_run(row, viewer=request.user), "next": request.get_full_path()}
    return render_to_string("tasks/components/run_bar.html", {**flat(context), **shown})

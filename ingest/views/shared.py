"""What the pages of this room share."""

from django.forms import BaseForm
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from ingest.models import Topic


def back_to(request: HttpRequest, topic: Topic | None, otherwise: str = "") -> HttpResponseRedirect:
    """To the page the form was on, if it is one of ours; else to the topic's, or to `otherwise`."""
    target = request.POST.get("next", "")
    if target.startswith("/") and url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        return HttpResponseRedirect(target)
    return HttpResponseRedirect(topic.get_absolute_url() if topic is not None else otherwise or reverse("articles"))


def status_of(form: BaseForm) -> int:
    """422 for a form that was sent and could not be used: who got it back must not take it for done."""
    return 422 if form.is_bound else 200

"""What the pages of this room share."""

from typing import cast

from django.contrib.auth.models import User
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from ingest.models import Topic
from ingest.presenters.articles import page_of_articles
from ingest.presenters.topics import present_topic


def topic_page(request: HttpRequest, topic: Topic) -> HttpResponse:
    """The page of a topic."""
    user = cast(User, request.user)
    tabs, page, articles = page_of_articles(topic, request.GET.dict())
    context = {
        "topic": present_topic(topic, user),
        "tabs": tabs,
        "page_obj": page,
        "articles": articles,
        "newest": topic.articles.order_by("-id").values_list("id", flat=True).first() or 0,
        "sees_all": topic.owner_id != user.pk,
    }
    return render(request, "ingest/topic.html", context)


def back_to(request: HttpRequest, topic: Topic) -> HttpResponseRedirect:
    """To the page the form was on, if it is one of ours."""
    target = request.POST.get("next", "")
    if target.startswith("/") and url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        return HttpResponseRedirect(target)
    return HttpResponseRedirect(topic.get_absolute_url())


def status_of(form: BaseForm) -> int:
    """422 for a form that was sent and could not be used: who got it back must not take it for done."""
    return 422 if form.is_bound else 200

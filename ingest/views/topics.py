"""Topics: the list, one topic, making, changing, deleting and collecting it."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ingest import access
from ingest.forms import TopicForm
from ingest.jobs import delete_topic, start_collecting
from ingest.models import Topic
from ingest.presenters.article_lists import list_articles
from ingest.presenters.topics import page_of_topics, present_topic
from live.limits import Kind, limited
from tasks.exceptions import AlreadyRunning

from .article_actions import undo_of
from .shared import back_to, status_of


@never_cache
@login_required
@require_safe
def topic_list(request: HttpRequest) -> HttpResponse:
    """Every topic the viewer may see, with what is new and what is running."""
    user = cast(User, request.user)
    page, topics = page_of_topics(user, request.GET.get("page"))
    context = {"topics": topics, "page_obj": page, "sees_all": access.sees_all_topics(user)}
    return render(request, "ingest/topics.html", context)


@never_cache
@login_required
@require_safe
def topic_detail(request: HttpRequest, topic_id: int) -> HttpResponse:
    """One topic: its run, and its articles with their reasons."""
    topic = access.get_visible_topic(request.user, topic_id)
    user = cast(User, request.user)
    shown = present_topic(topic, user)
    context = {
        "topic": shown,
        "list": list_articles(user, [topic], request.GET, topic=topic, numbers=shown.numbers),
        "can_change": shown.can_change,
        "undo": undo_of(request),
        "sees_all": topic.owner_id != user.pk,
    }
    # What pages fetch again every few seconds while the topic is collected.
    alone = request.GET.get("part") == "articles"
    return render(request, "ingest/partials/article_results.html" if alone else "ingest/topic.html", context)


@never_cache
@login_required
@require_safe
def topic_numbers(request: HttpRequest, topic_id: int) -> HttpResponse:
    """How many articles it has, alone: what pages fetch again while it is collected."""
    topic = access.get_visible_topic(request.user, topic_id)
    return render(request, "ingest/partials/numbers.html", {"topic": present_topic(topic, cast(User, request.user))})


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
@limited(Kind.CREATE)
def topic_new(request: HttpRequest) -> HttpResponse:
    """A new topic of the viewer's own."""
    form = TopicForm(request.POST or None, instance=Topic(owner=cast(User, request.user)))
    if request.method == "POST" and form.is_valid():
        topic = form.save()
        messages.success(request, _("“%(topic)s” is ready. Add a feed, then run Auto-Collect.") % {"topic": topic.name})
        return redirect(topic)
    return render(request, "ingest/topic_form.html", {"form": form, "topic": None}, status=status_of(form))


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def topic_edit(request: HttpRequest, topic_id: int) -> HttpResponse:
    """Name, language and thresholds."""
    topic = access.get_changeable_topic(request.user, topic_id)
    form = TopicForm(request.POST or None, instance=topic)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved. The new thresholds count from the next run on."))
        return redirect(topic)
    return render(request, "ingest/topic_form.html", {"form": form, "topic": topic}, status=status_of(form))


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def topic_delete(request: HttpRequest, topic_id: int) -> HttpResponse:
    """Ask, then delete the topic with its articles."""
    topic = access.get_changeable_topic(request.user, topic_id)
    if request.method == "POST":
        name = topic.name
        delete_topic(topic, by=cast(User, request.user))
        messages.success(request, _("“%(topic)s” and its articles are gone.") % {"topic": name})
        return redirect("keyword-alerts")
    return render(request, "ingest/topic_delete.html", {"topic": topic, "articles": topic.articles.count()})


@login_required
@require_POST
@limited(Kind.START)
def collect(request: HttpRequest, topic_id: int) -> HttpResponse:
    """Start Auto-Collect for a topic; say so when it is running already."""
    topic = access.get_changeable_topic(request.user, topic_id)
    try:
        start_collecting(topic.owner, topic)
    except AlreadyRunning:
        messages.info(request, _("“%(topic)s” is being collected already.") % {"topic": topic.name})
    return back_to(request, topic)

"""The pages under /keyword-alerts/. No rules in here: access.py says who may, jobs.py starts what happens."""

from contextlib import suppress
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tasks import lifecycle
from tasks.exceptions import AlreadyRunning, TransitionRefused
from tasks.models import TaskRun

from . import access
from .forms import KeywordForm, SourceForm, TopicForm
from .jobs import start_collecting, unique_key
from .models import Keyword, Source, Topic
from .presenters import page_of_articles, present_topic, present_topics


@never_cache
@login_required
@require_safe
def topic_list(request: HttpRequest) -> HttpResponse:
    """Every topic the viewer may see, with what is new and what is running."""
    user = cast(User, request.user)
    context = {"topics": present_topics(user), "sees_all": access.sees_all_topics(user)}
    return render(request, "ingest/topics.html", context)


@never_cache
@login_required
@require_safe
def topic_detail(request: HttpRequest, topic_id: int) -> HttpResponse:
    """One topic: its run, its articles with their reasons, its keywords and sources."""
    topic = access.get_visible_topic(request.user, topic_id)
    return _detail(request, topic)


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
def topic_new(request: HttpRequest) -> HttpResponse:
    """A new topic of the viewer's own."""
    form = TopicForm(request.POST or None, instance=Topic(owner=cast(User, request.user)))
    if request.method == "POST" and form.is_valid():
        topic = form.save()
        messages.success(request, f"“{topic.name}” is ready. Add a feed, then run Auto-Collect.")
        return redirect(topic)
    return render(request, "ingest/topic_form.html", {"form": form, "topic": None}, status=_status(form))


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def topic_edit(request: HttpRequest, topic_id: int) -> HttpResponse:
    """Name, language and thresholds."""
    topic = access.get_changeable_topic(request.user, topic_id)
    form = TopicForm(request.POST or None, instance=topic)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Saved. The new thresholds count from the next run on.")
        return redirect(topic)
    return render(request, "ingest/topic_form.html", {"form": form, "topic": topic}, status=_status(form))


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def topic_delete(request: HttpRequest, topic_id: int) -> HttpResponse:
    """Ask, then delete the topic with its articles."""
    topic = access.get_changeable_topic(request.user, topic_id)
    if request.method == "POST":
        name = topic.name
        _stop_collecting(topic, cast(User, request.user))
        topic.delete()
        messages.success(request, f"“{name}” and its articles are gone.")
        return redirect("keyword-alerts")
    return render(request, "ingest/topic_delete.html", {"topic": topic, "articles": topic.articles.count()})


@login_required
@require_POST
def collect(request: HttpRequest, topic_id: int) -> HttpResponse:
    """Start Auto-Collect for a topic; say so when it is running already."""
    topic = access.get_changeable_topic(request.user, topic_id)
    try:
        start_collecting(topic.owner, topic)
    except AlreadyRunning:
        messages.info(request, f"“{topic.name}” is being collected already.")
    return _back(request, topic)


@login_required
@require_POST
def keyword_add(request: HttpRequest, topic_id: int) -> HttpResponse:
    """One more keyword."""
    topic = access.get_changeable_topic(request.user, topic_id)
    form = KeywordForm(request.POST, instance=Keyword(topic=topic))
    if not form.is_valid():
        return _detail(request, topic, keyword_form=form)
    form.save()
    return redirect(topic)


@login_required
@require_POST
def keyword_delete(request: HttpRequest, topic_id: int, keyword_id: int) -> HttpResponse:
    """One keyword less."""
    topic = access.get_changeable_topic(request.user, topic_id)
    get_object_or_404(topic.keywords, pk=keyword_id).delete()
    return redirect(topic)


@login_required
@require_POST
def source_add(request: HttpRequest, topic_id: int) -> HttpResponse:
    """One more feed."""
    topic = access.get_changeable_topic(request.user, topic_id)
    form = SourceForm(request.POST, instance=Source(topic=topic))
    if not form.is_valid():
        return _detail(request, topic, source_form=form)
    form.save()
    return redirect(topic)


@login_required
@require_POST
def source_delete(request: HttpRequest, topic_id: int, source_id: int) -> HttpResponse:
    """One feed less; its articles stay."""
    topic = access.get_changeable_topic(request.user, topic_id)
    get_object_or_404(topic.sources, pk=source_id).delete()
    return redirect(topic)


@login_required
@require_POST
def article_read(request: HttpRequest, article_id: int) -> HttpResponse:
    """Mark one article read."""
    return _mark(request, article_id, read=True)


@login_required
@require_POST
def article_unread(request: HttpRequest, article_id: int) -> HttpResponse:
    """Mark one article unread again."""
    return _mark(request, article_id, read=False)


@login_required
@require_POST
def read_all(request: HttpRequest, topic_id: int) -> HttpResponse:
    """Mark everything read that was there when the page was made; what has come since stays new."""
    topic = access.get_changeable_topic(request.user, topic_id)
    unread = topic.articles.unread()  # type: ignore[attr-defined]
    newest = request.POST.get("newest", "")
    if newest.isdecimal() and len(newest) < 19:
        unread = unread.filter(pk__lte=int(newest))
    unread.update(read_at=timezone.now())
    return _back(request, topic)


def _detail(
    request: HttpRequest,
    topic: Topic,
    *,
    keyword_form: KeywordForm | None = None,
    source_form: SourceForm | None = None,
) -> HttpResponse:
    user = cast(User, request.user)
    tabs, page, articles = page_of_articles(topic, request.GET.dict())
    context = {
        "topic": present_topic(topic, user),
        "tabs": tabs,
        "page_obj": page,
        "articles": articles,
        "newest": topic.articles.order_by("-id").values_list("id", flat=True).first() or 0,
        "keywords": topic.keywords.all(),
        "sources": topic.sources.all(),
        "keyword_form": keyword_form or KeywordForm(),
        "source_form": source_form or SourceForm(),
        "sees_all": topic.owner_id != user.pk,
    }
    return render(request, "ingest/topic.html", context, status=422 if keyword_form or source_form else 200)


def _stop_collecting(topic: Topic, user: User) -> None:
    for run in TaskRun.objects.live().filter(unique_key=unique_key(topic)):
        # Refused: it ended first.
        with suppress(TransitionRefused):
            lifecycle.cancel(run, by=user, reason="The topic was deleted.")


def _mark(request: HttpRequest, article_id: int, *, read: bool) -> HttpResponse:
    article = access.get_changeable_article(request.user, article_id)
    article.read_at = timezone.now() if read else None
    article.save(update_fields=["read_at"])
    return _back(request, article.topic)


def _back(request: HttpRequest, topic: Topic) -> HttpResponseRedirect:
    """To the page the form was on, if it is one of ours."""
    target = request.POST.get("next", "")
    if target.startswith("/") and url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        return HttpResponseRedirect(target)
    return HttpResponseRedirect(topic.get_absolute_url())


def _status(form: ModelForm) -> int:
    return 422 if form.is_bound else 200

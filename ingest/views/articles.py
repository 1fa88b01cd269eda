"""What a person does with articles."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from ingest import access
from ingest.models import Topic
from ingest.presenters.article_lists import list_articles

from .shared import back_to


@never_cache
@login_required
@require_safe
def article_list(request: HttpRequest) -> HttpResponse:
    """The articles of all topics the viewer may see."""
    user = cast(User, request.user)
    topics = list(Topic.objects.visible_to(user).select_related("owner"))
    context = {
        "list": list_articles(user, topics, request.GET),
        "sees_all": access.sees_all_topics(user),
    }
    return render(request, "ingest/articles.html", context)


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
    """Mark everything read that had been added when the page was made; what has come since stays unread."""
    topic = access.get_changeable_topic(request.user, topic_id)
    unread = topic.articles.unread()  # type: ignore[attr-defined]
    made_at = parse_datetime(request.POST.get("made_at", ""))
    if made_at is None or timezone.is_naive(made_at):
        messages.error(request, "Nothing was marked: it was not said up to when. Reload the page and try again.")
    else:
        unread.filter(decided_at__lte=made_at).update(read_at=timezone.now())
    return back_to(request, topic)


def _mark(request: HttpRequest, article_id: int, *, read: bool) -> HttpResponse:
    article = access.get_changeable_article(request.user, article_id)
    article.read_at = timezone.now() if read else None
    article.save(update_fields=["read_at"])
    return back_to(request, article.topic)

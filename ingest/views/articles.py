"""Lists of articles, one article's page, and marking a whole topic read."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from ingest import access
from ingest.models import Topic
from ingest.presenters.article_lists import list_articles
from ingest.presenters.article_pages import page_of_article
from ingest.presenters.articles import present_articles

from .article_actions import undo_of
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
        "can_change": any(access.may_change(user, topic) for topic in topics),
        "undo": undo_of(request),
        "sees_all": access.sees_all_topics(user),
    }
    return render(request, "ingest/articles.html", context)


@never_cache
@login_required
@require_safe
def article_detail(request: HttpRequest, article_id: int) -> HttpResponse:
    """One article: its text, why it was decided so, and what was decided before. Looking at it changes nothing."""
    user = cast(User, request.user)
    article = access.get_visible_article(user, article_id)
    [view] = present_articles([article], user)
    context = {"article": view, "page": page_of_article(article), "sees_all": article.topic.owner_id != user.pk}
    return render(request, "ingest/article.html", context)


@login_required
@require_POST
def read_all(request: HttpRequest, topic_id: int) -> HttpResponse:
    """Mark everything read that had been added when the page was made; what has come since stays unread."""
    topic = access.get_changeable_topic(request.user, topic_id)
    unread = topic.articles.unread()  # type: ignore[attr-defined]
    made_at = parse_datetime(request.POST.get("made_at", ""))
    if made_at is None or timezone.is_naive(made_at):
        messages.error(request, _("Nothing was marked: it was not said up to when. Reload the page and try again."))
    else:
        unread.filter(decided_at__lte=made_at).update(read_at=timezone.now())
    return back_to(request, topic)

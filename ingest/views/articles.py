"""What a person does with articles."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from ingest import access

from .shared import back_to


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
    return back_to(request, topic)


def _mark(request: HttpRequest, article_id: int, *, read: bool) -> HttpResponse:
    article = access.get_changeable_article(request.user, article_id)
    article.read_at = timezone.now() if read else None
    article.save(update_fields=["read_at"])
    return back_to(request, article.topic)

"""What a person does with articles: one, those selected on a page, or all that match a filter."""

from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from ingest import access
from ingest.lists import marking
from ingest.lists.filters import KEYS, ArticleFilters
from ingest.lists.listing import shown_articles
from ingest.lists.marking import KINDS, Action, said
from ingest.lists.numbers import Numbers, numbers_of
from ingest.models import Topic
from ingest.presenters.article_lists import LABELS, list_url
from ingest.presenters.articles import present_articles
from live.limits import Kind, limited
from tasks.exceptions import NumberChanged

from .shared import back_to

UNDO = "articles-undo"  # what the session calls it
UNDO_UP_TO = 500  # articles; more would make a session nobody wants to load


@login_required
@require_POST
@limited(Kind.START, when=lambda request, action, **of: action == Action.REREAD)
def article_mark(request: HttpRequest, article_id: int, action: str) -> HttpResponse:
    """Do something to one article. For the page's script the answer is what has changed on the page."""
    user, chosen = cast(User, request.user), Action(action)
    article = access.get_changeable_article(user, article_id)
    if chosen is Action.REREAD:
        marking.read_again(user, [article.pk])
    else:
        marking.mark(user, [article.pk], chosen)
    if not getattr(request, "htmx", False):
        return back_to(request, article.topic)
    [view] = present_articles([shown_articles().get(pk=article.pk)], user)
    scope = article.topic if request.POST.get("scope") == str(article.topic_id) else None
    numbers = numbers_of([scope] if scope is not None else list(_visible(user)))
    context = {"article": view, "list": {"topic": scope}, "numbers": Numbers.sum_of([*numbers.values()])}
    return render(request, "ingest/partials/article_swap.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@limited(Kind.START, when=lambda request: request.POST.get("action") == Action.REREAD)
def article_bulk(request: HttpRequest) -> HttpResponse:
    """POST does it to those selected, or freezes what matches the filter and does it to that; GET counts and asks."""
    if request.method == "POST" and "expected" not in request.POST:
        return _mark_selected(request)
    user = cast(User, request.user)
    sent: QueryDict = request.POST if request.method == "POST" else request.GET
    # Of a POST only its body counts, and all of it: a filter lost on the way must not become "everything".
    filters = ArticleFilters.of(sent, also=["action", "expected", "asked_at", "csrfmiddlewaretoken", "after", "page"])
    wrong = dict(filters.wrong)
    if request.method == "POST":
        wrong |= {key: _("got lost on the way: go back to the list.") for key in KEYS if key not in sent}
    action = sent.get("action", "")
    if action not in Action:
        wrong["action"] = _("choose one of %(choices)s.") % {"choices": ", ".join(Action)}
    asked_at = _moment(sent.get("asked_at", "")) if request.method == "POST" else timezone.now()
    if asked_at is None:
        wrong["asked_at"] = _("got lost on the way: go back to the list.")
    filters = replace(filters, wrong=wrong)
    changed = False
    if request.method == "POST" and not wrong and asked_at is not None:
        try:
            taken = marking.mark_matching(
                user, filters, Action(action), expected=_number(sent.get("expected", "")), asked_at=asked_at
            )
        except NumberChanged:
            changed, asked_at = True, timezone.now()
        else:
            _tell(request, Action(action), taken)
            return back_to(request, None, list_url(filters))
    number, more = (0, False) if wrong else marking.count(user, filters, Action(action), asked_at or timezone.now())
    context = {
        "action": action,
        "kind": KINDS.get(action),  # type: ignore[call-overload]
        "filters": filters,
        "topic": _visible(user).filter(pk=filters.topic).first() if filters.topic else None,
        "number": number,
        "more": more,
        "most": marking.MOST,
        "changed": changed,
        "asked_at": asked_at,
        "sent": [(key, filters.asked.get(key, "")) for key in KEYS],
        "wrong": [(LABELS.get(key, key), sentence) for key, sentence in wrong.items()],
        "back_url": list_url(filters),
    }
    return render(request, "ingest/article_bulk.html", context, status=422 if wrong else 409 if changed else 200)


@login_required
@require_POST
def article_undo(request: HttpRequest) -> HttpResponse:
    """Take back what was done last, where that is possible."""
    undo = request.session.pop(UNDO, None)
    if not isinstance(undo, dict) or undo.get("action") not in Action:
        messages.info(request, _("There is nothing to take back any more."))
    else:
        taken = marking.mark(cast(User, request.user), undo["ids"], Action(undo["action"]))
        messages.success(request, _("Taken back: %(what)s") % {"what": said(Action(undo["action"]), len(taken))})
    return back_to(request, None)


def _mark_selected(request: HttpRequest) -> HttpResponse:
    action = request.POST.get("action", "")
    texts = request.POST.getlist("ids")
    ids = [int(text) for text in texts if text.isascii() and text.isdecimal() and len(text) < 19]
    if action not in Action:
        messages.error(request, _("Nothing was changed: choose what to do with the articles."))
    elif not ids:
        messages.error(request, _("Nothing was changed: select articles first."))
    else:
        _tell(request, Action(action), marking.mark(cast(User, request.user), ids[:1000], Action(action)))
    return back_to(request, None)


def _tell(request: HttpRequest, action: Action, taken: list[int]) -> None:
    """Say what was done, and keep how to take it back."""
    request.session.pop(UNDO, None)
    if not taken:
        messages.info(request, said(action, 0))
        return
    messages.success(request, said(action, len(taken)))
    if action is Action.REREAD and marking.start_for(taken):
        messages.info(request, _("Auto-Collect is on its way."))
    undo = KINDS[action].undo
    if undo is not None and len(taken) <= UNDO_UP_TO:
        at = timezone.now().timestamp()
        request.session[UNDO] = {"action": undo.value, "ids": taken, "said": said(action, len(taken)), "at": at}


def undo_of(request: HttpRequest) -> str:
    """What can be taken back now, in words: what was done in the last two minutes."""
    undo = request.session.get(UNDO)
    if not isinstance(undo, dict) or timezone.now().timestamp() - float(undo.get("at", 0)) > 120:
        return ""
    return str(undo.get("said", ""))


def _visible(user: User) -> Any:
    return Topic.objects.visible_to(user)


def _moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return None if moment is None or timezone.is_naive(moment) else moment


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0

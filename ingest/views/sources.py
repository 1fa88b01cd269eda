"""Sources: of a topic, of all topics; adding, changing, removing one, and doing something with many."""

from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ingest import access
from ingest.models import Source, Topic
from ingest.sources import editing
from ingest.sources.finding import Found, NothingFound, look_for_feeds
from ingest.sources.forms import AddForm, SourceForm
from ingest.sources.listing import Filters, page_of_sources, present_source, sources_of
from ingest.topic_settings import BadSetting
from live.limits import Kind, limited

from .shared import status_of

ACTIONS = {"read": editing.read_now, "pause": editing.pause, "resume": editing.resume, "delete": editing.delete}
MOST = 10_000  # sources that one click does something with


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@limited(Kind.CREATE)
def topic_sources(request: HttpRequest, topic_id: int) -> HttpResponse:
    """Where the topic's articles come from; a POST adds a source, looking for feeds where the address is a page."""
    if request.method != "POST":
        topic = access.get_visible_topic(request.user, topic_id)
        return _topic_page(request, topic, AddForm(topic))
    topic = access.get_changeable_topic(request.user, topic_id)
    form = AddForm(topic, request.POST)
    if not form.is_valid():
        return _topic_page(request, topic, form, status=422)
    url = form.cleaned_data["url"]
    if "as_is" in request.POST:
        # Somebody has chosen it from what was found, or wants it whatever it answers now.
        return _added(request, topic, Found(url=url, title=request.POST.get("title", "")))
    try:
        found = look_for_feeds(url)
    except NothingFound as nothing:
        form.add_error("url", str(nothing))
        return _topic_page(request, topic, form, status=422, anyway=url)
    if len(found) > 1:
        return _topic_page(request, topic, form, found=found)
    return _added(request, topic, found[0])


@never_cache
@login_required
@require_safe
def source_list(request: HttpRequest) -> HttpResponse:
    """All sources of the viewer's own topics."""
    listed = page_of_sources(sources_of(request.user), request.GET.dict())
    context = {"listed": listed, "page_obj": listed.page, "topic": None, "can_change": True}
    return render(request, "ingest/sources.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def source_edit(request: HttpRequest, topic_id: int, source_id: int) -> HttpResponse:
    """One source: how it is doing, and what can be set about it."""
    topic = access.get_changeable_topic(request.user, topic_id)
    source = get_object_or_404(topic.sources.select_related("topic"), pk=source_id)
    form = SourceForm(request.POST or None, instance=source)
    if request.method == "POST" and form.is_valid():
        try:
            saved = form.save()
        except BadSetting as error:
            form.add_error(error.field, str(error))
        else:
            messages.success(request, _("“%(source)s” is saved.") % {"source": saved})
            return redirect("topic-sources", topic.pk)
    shown = Source.objects.select_related("topic").get(pk=source.pk)
    context = {
        "topic": topic,
        "source": present_source(shown),
        "form": form,
        "articles": shown.articles.count(),
    }
    return render(request, "ingest/source.html", context, status=status_of(form))


@login_required
@require_POST
def source_delete(request: HttpRequest, topic_id: int, source_id: int) -> HttpResponse:
    """One source less; its articles stay."""
    topic = access.get_changeable_topic(request.user, topic_id)
    messages.success(request, editing.delete([get_object_or_404(topic.sources, pk=source_id)]))
    return redirect("topic-sources", topic.pk)


@login_required
@require_POST
@limited(Kind.START, when=lambda request: "read" in request.POST)
def source_bulk(request: HttpRequest) -> HttpResponse:
    """Read, pause, resume or remove many: those that are ticked, or all that match; removing asks first."""
    back = request.POST.get("next", "")
    if not (back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None)):
        back = ""
    sources = list(_chosen(request)[:MOST])
    action = next((name for name in ACTIONS if name in request.POST), "")
    if not action or not sources:
        messages.warning(request, _("Nothing was done: tick the sources first.") if action else _("Nothing was done."))
    elif action == "delete" and "sure" not in request.POST:
        ids = ",".join(str(source.pk) for source in sources)
        context = {"sources": sources[:20], "number": len(sources), "ids": ids, "back": back}
        return render(request, "ingest/sources_delete.html", context)
    else:
        messages.success(request, ACTIONS[action](sources))
    return redirect(back or "sources")


def _chosen(request: HttpRequest) -> QuerySet[Source]:
    """What a bulk form speaks of, of what the person may change."""
    user = cast(User, request.user)
    topic_id = request.POST.get("topic", "")
    mine = sources_of(user)
    if _is_id(topic_id):
        mine = access.get_changeable_topic(user, int(topic_id)).sources.all()
    mine = mine.select_related("topic__owner").order_by("pk")
    if "all" in request.POST:
        return Filters.of(request.POST.dict()).select(mine)
    # A row's own button names one; ticks come one by one, and what was asked about as one list.
    single = [value for name in ACTIONS if (value := request.POST.get(name, ""))]
    ids = single or [*request.POST.getlist("source"), *request.POST.get("ids", "").split(",")]
    return mine.filter(pk__in=[int(one) for one in ids if _is_id(one)])


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


def _topic_page(
    request: HttpRequest,
    topic: Topic,
    form: AddForm,
    *,
    found: list[Found] | None = None,
    anyway: str = "",
    status: int = 200,
) -> HttpResponse:
    listed = page_of_sources(topic.sources.all(), request.GET.dict())
    context: dict[str, Any] = {
        "topic": topic,
        "can_change": access.may_change(request.user, topic),
        "listed": listed,
        "page_obj": listed.page,
        "form": form,
        "found": found,
        "anyway": anyway,
        "export": urlencode(listed.filters.as_query()),
    }
    return render(request, "ingest/sources.html", context, status=status)


def _added(request: HttpRequest, topic: Topic, found: Found) -> HttpResponse:
    try:
        source = editing.add(topic, found.url, title=found.title, site_url=found.site_url)
    except BadSetting as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, _("“%(source)s” is added. It is read with the next collection.") % {"source": source})
    return redirect("topic-sources", topic.pk)

"""The rules of a topic: its keywords, language and thresholds."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from ingest import access
from ingest.forms import AlertRuleForm, RulesForm
from ingest.jobs import start_recheck
from ingest.judging.preview import PreviewFailed, preview
from ingest.models import Topic
from ingest.presenters.rechecks import present_recheck
from ingest.telling.alert_rules import delete_rule
from live.limits import Kind, limited
from tasks.exceptions import AlreadyRunning

from .shared import status_of


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def topic_rules(request: HttpRequest, topic_id: int) -> HttpResponse:
    """What the topic asks of its articles; a POST changes it, or with `action=preview` shows what it would do."""
    topic = access.get_visible_topic(request.user, topic_id)
    if request.method == "POST":
        topic = access.get_changeable_topic(request.user, topic_id)
    form = RulesForm(request.POST or None, topic=topic)
    if not form.is_valid():
        return _page(request, topic, form, status=status_of(form))
    if request.POST.get("action") == "preview":
        return _page(request, topic, form, **_preview(form))
    form.save()
    messages.success(request, _("Saved. From now on articles are judged by these rules."))
    return redirect("topic-rules", topic.pk)


@login_required
@require_POST
@limited(Kind.START)
def topic_recheck(request: HttpRequest, topic_id: int) -> HttpResponse:
    """Judge the topic's stored articles anew; say so when that is being done already."""
    topic = access.get_changeable_topic(request.user, topic_id)
    try:
        start_recheck(topic)
    except AlreadyRunning:
        messages.info(request, _("The articles of “%(topic)s” are being judged anew already.") % {"topic": topic.name})
    return redirect("topic-rules", topic.pk)


@login_required
@require_POST
@limited(Kind.CREATE)
def alert_rule_add(request: HttpRequest, topic_id: int) -> HttpResponse:
    """One more alert rule."""
    topic = access.get_changeable_topic(request.user, topic_id)
    form = AlertRuleForm(request.POST, topic=topic)
    if form.is_valid() and form.save() is not None:
        return redirect("topic-rules", topic.pk)
    return _page(request, topic, RulesForm(topic=topic), status=422, alert_form=form)


@login_required
@require_POST
def alert_rule_delete(request: HttpRequest, topic_id: int, rule_id: int) -> HttpResponse:
    """One alert rule less."""
    topic = access.get_changeable_topic(request.user, topic_id)
    delete_rule(get_object_or_404(topic.alert_rules.select_related("topic"), pk=rule_id))
    return redirect("topic-rules", topic.pk)


@never_cache
@login_required
@require_POST
def rules_preview(request: HttpRequest, topic_id: int) -> HttpResponse:
    """What the rules as typed would do, alone: for a page that asks while one types."""
    topic = access.get_changeable_topic(request.user, topic_id)
    form = RulesForm(request.POST, topic=topic)
    context = {"topic": topic, "form": form, **(_preview(form) if form.is_valid() else {})}
    return render(request, "ingest/partials/preview.html", context)


def _preview(form: RulesForm) -> dict[str, Any]:
    try:
        return {"preview": preview(form.topic, form.rules())}
    except PreviewFailed as error:
        return {"preview_failed": str(error)}


def _page(request: HttpRequest, topic: Topic, form: RulesForm, *, status: int = 200, **context: Any) -> HttpResponse:
    shown = {
        "topic": topic,
        "can_change": access.may_change(request.user, topic),
        "form": form,
        "alert_rules": topic.alert_rules.all(),
        "alert_form": AlertRuleForm(topic=topic),
        "recheck": present_recheck(topic, request.user),
        "sees_all": topic.owner_id != request.user.pk,
        **context,
    }
    return render(request, "ingest/rules.html", shown, status=status)

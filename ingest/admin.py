"""Topics, sources, articles, alerts and preferences in Django's admin.

What a person decides here goes the way of the pages: marking.py, jobs.py and sources/editing.py.
"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from notifications.large_tables import LargeTableAdmin, ReadOnly
from tasks.exceptions import AlreadyRunning

from .audited_admin import AuditedAdmin, AuditedTopicAdmin
from .duplicates.canonical import canonical_url
from .jobs import start_collecting, start_recheck
from .lists import marking
from .lists.filters import ArticleFilters
from .lists.listing import find
from .lists.marking import Action
from .models import Alert, AlertRule, Article, CollectPreferences, Keyword, Source, Topic
from .sources import editing
from .topic_settings import BadSetting

SEARCHED = 200


class KeywordInline(admin.TabularInline):
    """A topic's keywords."""

    model = Keyword
    extra = 1


class AlertRuleInline(admin.TabularInline):
    """Of what its owner is told at once."""

    model = AlertRule
    extra = 0


@admin.register(Topic)
class TopicAdmin(AuditedTopicAdmin):
    """What people want to hear about."""

    list_display = ["name", "owner", "language", "relevance_threshold", "quality_threshold", "tell", "created_at"]
    list_filter = ["tell", ("collect_every", admin.EmptyFieldListFilter)]
    list_select_related = ["owner"]
    search_fields = ["name", "=owner__username", "keywords__phrase"]
    search_help_text = _("Name, keyword, or a user name")
    autocomplete_fields = ["owner"]
    readonly_fields = ["created_at", "what_it_has"]
    inlines = [KeywordInline, AlertRuleInline]
    actions = ["collect", "recheck"]

    def has_delete_permission(self, request: HttpRequest, obj: Topic | None = None) -> bool:
        """Its page deletes it. The admin would first read and list every one of its articles."""
        return False

    @admin.display(description=_("what it has"))
    def what_it_has(self, topic: Topic) -> str:
        """Where its sources and articles are listed: there may be more than a page can hold."""
        if topic.pk is None:
            return "-"
        lists = [reverse(f"admin:ingest_{name}_changelist") for name in ("source", "article")]
        return format_html(
            '<a href="{0}?topic__id__exact={2}">{3}</a> · <a href="{1}?topic__id__exact={2}">{4}</a>',
            *lists,
            topic.pk,
            gettext("Sources"),
            gettext("Articles"),
        )

    @admin.action(description=_("Collect selected topics now"), permissions=["change"])
    def collect(self, request: HttpRequest, queryset: QuerySet[Topic]) -> None:
        """Start a run for each, for its owner."""
        self._start(
            request,
            queryset,
            lambda topic: start_collecting(topic.owner, topic),
            started=_("“%(topic)s” is being collected."),
            already=_("“%(topic)s” is being collected already."),
        )

    @admin.action(description=_("Re-check articles of selected topics"), permissions=["change"])
    def recheck(self, request: HttpRequest, queryset: QuerySet[Topic]) -> None:
        """Start a run for each, for its owner."""
        self._start(
            request,
            queryset,
            start_recheck,
            started=_("“%(topic)s” is being re-checked."),
            already=_("“%(topic)s” is being re-checked already."),
        )

    def _start(self, request: HttpRequest, topics: QuerySet[Topic], start: Any, *, started: Any, already: Any) -> None:
        for topic in topics.select_related("owner"):
            try:
                start(topic)
            except AlreadyRunning:
                self.message_user(request, already % {"topic": topic.name}, messages.WARNING)
            else:
                self.message_user(request, started % {"topic": topic.name})


class SourceForm(forms.ModelForm):
    """A source's columns, held to the rules of editing.py."""

    class Meta:
        model = Source
        fields = ["topic", "url", "title", "folder", "every", "is_paused"]

    def clean(self) -> dict[str, Any]:
        """Refuse what could never be read, and what its topic reads already."""
        super().clean()
        values = self.cleaned_data
        topic = values.get("topic") or (self.instance.topic if self.instance.pk else None)
        if topic is not None and values.get("url"):
            try:
                editing.checked_url(topic, values["url"], except_for=self.instance if self.instance.pk else None)
            except BadSetting as bad:
                self.add_error("url", str(bad))
        return values


@admin.register(Source)
class SourceAdmin(LargeTableAdmin):
    """Feeds and how they are doing."""

    form = SourceForm
    list_display = ["__str__", "topic", "how_it_is", "last_checked_at", "next_check_at", "failures", "last_error"]
    list_filter = ["is_paused", "failure", "kind"]
    list_select_related = ["topic"]
    search_fields = ["url", "title", "=topic__name"]
    search_help_text = _("Address, title, or a topic's name")
    raw_id_fields = ["topic"]
    actions = ["pause", "resume", "read_now"]
    readonly_fields = [
        *("kind", "site_url", "due_at", "last_checked_at", "next_check_at", "last_new_at", "failures", "failure"),
        "last_error",
    ]

    @admin.display(description=_("health"))
    def how_it_is(self, source: Source) -> Any:
        """In one word."""
        return source.health.label

    def get_readonly_fields(self, request: HttpRequest, obj: Source | None = None) -> Any:
        """A source stays with its topic."""
        return [*self.readonly_fields, "topic"] if obj is not None else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Source, form: Any, change: bool) -> None:
        """As the pages do it: another address forgets what the old one's server said."""
        wanted = {name: form.cleaned_data[name] for name in ("url", "title", "folder", "is_paused")}
        wanted["every"] = form.cleaned_data["every"] or 0
        if change:
            editing.change(Source.objects.select_related("topic").get(pk=obj.pk), **wanted)
        else:
            obj.pk = editing.add(obj.topic, wanted.pop("url"), **wanted).pk

    @admin.action(description=_("Pause selected sources"), permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Source]) -> None:
        """Read them no more until they are resumed."""
        self.message_user(request, editing.pause(list(queryset)))

    @admin.action(description=_("Resume selected sources"), permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Source]) -> None:
        """Read them again."""
        self.message_user(request, editing.resume(list(queryset)))

    @admin.action(description=_("Read selected sources now"), permissions=["change"])
    def read_now(self, request: HttpRequest, queryset: QuerySet[Source]) -> None:
        """Start a run for each topic."""
        self.message_user(request, editing.read_now(list(queryset.select_related("topic__owner"))))


@admin.register(Article)
class ArticleAdmin(LargeTableAdmin):
    """Articles, their scores and decisions. Runs make them; what a person decides is one of the actions.

    Found by its words through their index, or by its address; filters are those that an index answers.
    """

    list_display = ["__str__", "topic", "decision", "failure", "relevance", "quality", "found_at"]
    list_filter = ["decision"]
    list_select_related = ["topic"]
    search_fields = ["words"]
    search_help_text = _("Words, as in the search of the pages (the newest 200), or a whole address")
    actions = ["add_anyway", "reject", "fetch_again"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Article]:
        """Without texts, which a list does not show."""
        rows = super().get_queryset(request)
        match = request.resolver_match
        return rows.defer("text") if match is not None and str(match.url_name).endswith("_changelist") else rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Article], search_term: str
    ) -> tuple[QuerySet[Article], bool]:
        """The newest that have these words, or those at this address."""
        if not search_term:
            return queryset, False
        topics = list(Topic.objects.values_list("pk", flat=True))
        if search_term.startswith(("http://", "https://")):
            try:
                return queryset.filter(topic__in=topics, canonical_url=canonical_url(search_term)), False
            except ValueError:
                return queryset.none(), False
        found = find(topics, ArticleFilters.of({"q": search_term}), limit=SEARCHED)
        return queryset.filter(pk__in=[article.pk for article in found]), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Runs make articles."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Article | None = None) -> bool:
        """A decision has its reasons; nobody types one in."""
        return False

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """May this person decide about everybody's articles?"""
        return request.user.has_perms(["ingest.view_topic", "ingest.change_topic"])

    @admin.action(description=_("Add selected articles anyway"), permissions=["decide"])
    def add_anyway(self, request: HttpRequest, queryset: QuerySet[Article]) -> None:
        """Whatever the scores say."""
        self._mark(request, queryset, Action.ADD)

    @admin.action(description=_("Reject selected articles"), permissions=["decide"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Article]) -> None:
        """Whatever the scores say."""
        self._mark(request, queryset, Action.REJECT)

    @admin.action(description=_("Fetch selected failed articles again"), permissions=["decide"])
    def fetch_again(self, request: HttpRequest, queryset: QuerySet[Article]) -> None:
        """By runs of their topics."""
        taken, _ = marking.read_again(request.user, _keys(queryset))  # type: ignore[arg-type]
        self.message_user(request, marking.said(Action.REREAD, len(taken)))

    def _mark(self, request: HttpRequest, queryset: QuerySet[Article], action: Action) -> None:
        taken = marking.mark(request.user, _keys(queryset), action)  # type: ignore[arg-type]
        self.message_user(request, marking.said(action, len(taken)))


def _keys(articles: QuerySet[Article]) -> list[int]:
    """The chosen ones, as many as one go takes."""
    return list(articles.values_list("pk", flat=True)[: marking.MOST])


@admin.register(AlertRule)
class AlertRuleAdmin(AuditedAdmin):
    """Of what people are told at once."""

    word = "alert_rule"

    list_display = ["topic", "minimum_relevance", "phrase"]
    list_display_links = ["topic", "minimum_relevance"]
    list_select_related = ["topic"]
    search_fields = ["phrase", "topic__name"]
    raw_id_fields = ["topic"]


@admin.register(Alert)
class AlertAdmin(ReadOnly, LargeTableAdmin):
    """Of what they were told. The run that added the article did."""

    list_display = ["article", "topic", "created_at"]
    list_select_related = ["topic", "article"]
    search_fields = ["=topic__name"]
    search_help_text = _("A topic's name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        """Without the articles' texts."""
        return super().get_queryset(request).defer("article__text")


@admin.register(CollectPreferences)
class CollectPreferencesAdmin(AuditedAdmin):
    """What people want of collecting as a whole; up to when they were told, the digest knows."""

    word = "collecting"

    list_display = ["owner", "auto_processing", "digest", "digest_hour", "digest_sent_on"]
    list_filter = ["auto_processing", "digest"]
    list_select_related = ["owner"]
    search_fields = ["=owner__username"]
    search_help_text = _("A user name")
    raw_id_fields = ["owner"]
    readonly_fields = ["digest_sent_on", "digest_until"]

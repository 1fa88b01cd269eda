"""Topics, sources and articles in Django's admin."""

from django.contrib import admin
from django.http import HttpRequest

from .models import Article, Keyword, Source, Topic


class KeywordInline(admin.TabularInline):
    """A topic's keywords."""

    model = Keyword
    extra = 1


class SourceInline(admin.TabularInline):
    """A topic's feeds."""

    model = Source
    extra = 1
    fields = ["url", "title", "last_checked_at", "failures", "last_error"]
    readonly_fields = ["last_checked_at", "failures", "last_error"]


@admin.register(Topic)
class TopicAdmin(admin.ModelAdmin):
    """What people want to hear about."""

    list_display = ["name", "owner", "language", "relevance_threshold", "quality_threshold", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username", "keywords__phrase"]
    autocomplete_fields = ["owner"]
    inlines = [KeywordInline, SourceInline]


@admin.register(Source)
class SourceAdmin(admin.ModelAdmin):
    """Feeds and how they are doing."""

    list_display = ["__str__", "topic", "health", "last_checked_at", "next_check_at", "failures", "last_error"]
    list_select_related = ["topic"]
    search_fields = ["url", "title"]
    autocomplete_fields = ["topic"]
    readonly_fields = ["etag", "last_modified", "last_checked_at", "failures", "last_error"]


@admin.register(Article)
class ArticleAdmin(admin.ModelAdmin):
    """Articles, their scores and decisions. They are made by runs, not by hand."""

    list_display = ["__str__", "topic", "decision", "failure", "relevance", "quality", "found_at"]
    list_select_related = ["topic"]
    list_filter = ["decision", "failure", "language"]
    search_fields = ["title", "url"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Runs make articles."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Article | None = None) -> bool:
        """A decision has its reasons; nobody types one in."""
        return False

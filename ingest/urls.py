"""Addresses under /keyword-alerts/."""

from django.urls import path

from .lists.marking import Action
from .views import analyze, article_actions, articles, preferences, rules, source_lists, sources, topics

urlpatterns = [
    path("", topics.topic_list, name="keyword-alerts"),
    path("sources/", sources.source_list, name="sources"),
    path("sources/bulk/", sources.source_bulk, name="source-bulk"),
    path("sources/export/", source_lists.source_export, name="source-export"),
    path("preferences/", preferences.collect_preferences, name="collect-preferences"),
    path("new/", topics.topic_new, name="topic-new"),
    path("analyze/", analyze.bulk_analyze, name="bulk-analyze"),
    path("<int:topic_id>/", topics.topic_detail, name="topic-detail"),
    path("<int:topic_id>/numbers/", topics.topic_numbers, name="topic-numbers"),
    path("<int:topic_id>/edit/", topics.topic_edit, name="topic-edit"),
    path("<int:topic_id>/delete/", topics.topic_delete, name="topic-delete"),
    path("<int:topic_id>/collect/", topics.collect, name="auto-collect"),
    path("<int:topic_id>/read-all/", articles.read_all, name="topic-read-all"),
    path("<int:topic_id>/rules/", rules.topic_rules, name="topic-rules"),
    path("<int:topic_id>/rules/preview/", rules.rules_preview, name="rules-preview"),
    path("<int:topic_id>/recheck/", rules.topic_recheck, name="topic-recheck"),
    path("<int:topic_id>/alerts/", rules.alert_rule_add, name="alert-rule-add"),
    path("<int:topic_id>/alerts/<int:rule_id>/delete/", rules.alert_rule_delete, name="alert-rule-delete"),
    path("<int:topic_id>/sources/", sources.topic_sources, name="topic-sources"),
    path("<int:topic_id>/sources/import/", source_lists.source_import, name="source-import"),
    path("<int:topic_id>/sources/export/", source_lists.topic_export, name="topic-export"),
    path("<int:topic_id>/sources/<int:source_id>/", sources.source_edit, name="source-edit"),
    path("<int:topic_id>/sources/<int:source_id>/delete/", sources.source_delete, name="source-delete"),
    path("articles/", articles.article_list, name="articles"),
    path("articles/bulk/", article_actions.article_bulk, name="article-bulk"),
    path("articles/undo/", article_actions.article_undo, name="article-undo"),
    path("articles/<int:article_id>/", articles.article_detail, name="article"),
    *(
        path(
            f"articles/<int:article_id>/{action}/",
            article_actions.article_mark,
            {"action": action},
            f"article-{action}",
        )
        for action in Action
    ),
]

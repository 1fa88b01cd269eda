"""Addresses under /keyword-alerts/."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.topic_list, name="keyword-alerts"),
    path("new/", views.topic_new, name="topic-new"),
    path("<int:topic_id>/", views.topic_detail, name="topic-detail"),
    path("<int:topic_id>/numbers/", views.topic_numbers, name="topic-numbers"),
    path("<int:topic_id>/edit/", views.topic_edit, name="topic-edit"),
    path("<int:topic_id>/delete/", views.topic_delete, name="topic-delete"),
    path("<int:topic_id>/collect/", views.collect, name="auto-collect"),
    path("<int:topic_id>/read-all/", views.read_all, name="topic-read-all"),
    path("<int:topic_id>/keywords/", views.keyword_add, name="keyword-add"),
    path("<int:topic_id>/keywords/<int:keyword_id>/delete/", views.keyword_delete, name="keyword-delete"),
    path("<int:topic_id>/sources/", views.source_add, name="source-add"),
    path("<int:topic_id>/sources/<int:source_id>/delete/", views.source_delete, name="source-delete"),
    path("articles/<int:article_id>/read/", views.article_read, name="article-read"),
    path("articles/<int:article_id>/unread/", views.article_unread, name="article-unread"),
]

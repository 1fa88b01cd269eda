"""Who may see and change which topic. Pages and API both ask here."""

from django.core.exceptions import PermissionDenied
from django.http import Http404

from tasks.access import Viewer

from .models import Article, Topic, TopicQuerySet


def visible_topics(user: Viewer) -> TopicQuerySet:
    """Every topic `user` may see."""
    return Topic.objects.visible_to(user)


def get_visible_topic(user: Viewer, topic_id: int) -> Topic:
    """The topic, if `user` may see it. Raises Http404 alike for one that is missing and one that is somebody else's."""
    topic = Topic.objects.visible_to(user).select_related("owner__collect_preferences").filter(pk=topic_id).first()
    if topic is None:
        raise Http404("No such topic.")
    return topic


def get_changeable_topic(user: Viewer, topic_id: int) -> Topic:
    """The same for a change. Raises PermissionDenied for staff who may look but not touch."""
    topic = get_visible_topic(user, topic_id)
    if not may_change(user, topic):
        raise PermissionDenied("You may look at this topic, but not change it.")
    return topic


def get_changeable_article(user: Viewer, article_id: int) -> Article:
    """The article, if `user` may change its topic. Raises Http404 and PermissionDenied likewise."""
    article = Article.objects.visible_to(user).select_related("topic").filter(pk=article_id).first()
    if article is None:
        raise Http404("No such article.")
    if not may_change(user, article.topic):
        raise PermissionDenied("You may look at this article, but not change it.")
    return article


def may_change(user: Viewer, topic: Topic) -> bool:
    """May `user` change the topic, its keywords and sources, and collect it: its owner, and staff who may change
    topics.
    """
    if not user.is_authenticated or not user.is_active:
        return False
    if topic.owner_id == user.pk:
        return True
    return bool(user.is_staff and user.has_perm("ingest.change_topic"))


def changeable_topics(user: Viewer) -> TopicQuerySet:
    """The topics of which `may_change` says yes."""
    if user.is_authenticated and user.is_active and user.is_staff and user.has_perm("ingest.change_topic"):
        return Topic.objects.visible_to(user) | Topic.objects.owned_by(user)
    return Topic.objects.owned_by(user) if user.is_active else Topic.objects.none()


def get_visible_article(user: Viewer, article_id: int) -> Article:
    """The article, if `user` may see its topic. Raises Http404."""
    shown = Article.objects.visible_to(user).with_duplicates()
    article = shown.select_related("source", "topic", "topic__owner", "duplicate_of").filter(pk=article_id).first()
    if article is None:
        raise Http404("No such article.")
    return article


def sees_all_topics(user: Viewer) -> bool:
    """May `user` see the topics of others?"""
    return bool(user.is_authenticated and user.is_active and user.is_staff and user.has_perm("ingest.view_topic"))

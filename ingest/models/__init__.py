"""Topics people follow, the sources they come from, the articles found there, and who is told of them."""

from .alerts import Alert, AlertRule, CollectPreferences
from .articles import Article, ArticleQuerySet
from .counts import ArticleCount
from .names import name_models
from .records import ArticleWords, PastDecision
from .sources import Source
from .topics import Keyword, Topic, TopicQuerySet

__all__ = [
    "Alert",
    "AlertRule",
    "Article",
    "ArticleCount",
    "ArticleQuerySet",
    "ArticleWords",
    "CollectPreferences",
    "Keyword",
    "PastDecision",
    "Source",
    "Topic",
    "TopicQuerySet",
]

name_models()

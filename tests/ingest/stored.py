"""Articles as a collection leaves them."""

from typing import Any

from django.utils import timezone

from ingest.models import Article, Topic
from ingest.rules import rules_of

TEXT = "The council met on Tuesday and spoke about the budget, the weather and the new school. " * 8


def store_article(topic: Topic, title: str, decision: str, **values: Any) -> Article:
    """An article of `topic`, decided by the topic's rules of this moment; what it says is its title."""
    number = Article.objects.count()
    is_decided = decision != "pending"
    fields = {
        "text": f"{title}. {TEXT}",
        "language": "en",
        "relevance": 0.8 if decision == "approved" else 0.1,
        "quality": 0.9,
        "reasons": {"relevance": {"reason": "as it was"}, "quality": {"reason": "good"}, "engine": "local"},
        "failure": "timeout" if decision == "failed" else "",
        "decided_at": timezone.now() if is_decided else None,
        "rules": rules_of(topic).stamp if is_decided else "",
        **values,
    }
    url = f"https://news.example/{topic.pk}/{number}"
    return Article.objects.create(topic=topic, url=url, canonical_url=url, title=title, decision=decision, **fields)

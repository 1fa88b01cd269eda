"""Articles as tests need them."""

from itertools import count
from typing import Any

from django.utils import timezone

from ingest.models import Article, Topic

_numbers = count(1)


def make_article(topic: Topic, decision: str = "approved", **values: Any) -> Article:
    """An article with what its decision needs; an address and a title of its own."""
    number = next(_numbers)
    known: dict[str, Any] = {
        "url": f"https://news.example/made/{number}",
        "canonical_url": f"https://news.example/made/{number}",
        "title": f"{decision} {number}",
        "decided_at": None if decision == "pending" else timezone.now(),
        "failure": "timeout" if decision == "failed" else "",
    }
    return Article.objects.create(topic=topic, decision=decision, **known | values)

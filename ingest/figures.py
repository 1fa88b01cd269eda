"""How articles and sources stand, in numbers that do not grow with the articles: for whoever measures."""

from django.db.models import Case, Count, Sum, Value, When

from .decisions import Decision
from .models import ArticleCount, Source


def articles_by_decision() -> dict[str, int]:
    """How many articles were decided how, in all topics together. One query, of the counted numbers."""
    rows = ArticleCount.objects.filter(day=None, kind__in=Decision.values).order_by().values_list("kind")
    return dict.fromkeys(Decision.values, 0) | dict(rows.annotate(Sum("number")))


def sources_by_health() -> dict[str, int]:
    """How many sources are how: see Source.health. One query."""
    health = Case(
        When(is_paused=True, then=Value(Source.Health.PAUSED)),
        When(failures__gt=0, then=Value(Source.Health.FAILING)),
        When(last_checked_at=None, then=Value(Source.Health.UNKNOWN)),
        default=Value(Source.Health.HEALTHY),
    )
    rows = Source.objects.order_by().values_list(health).annotate(Count("pk"))
    return dict.fromkeys((str(one.value) for one in Source.Health), 0) | dict(rows)

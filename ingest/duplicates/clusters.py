"""The stories of a topic: each has a root, an approved article, and duplicates that point to it, not to each other."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg
from django.db import transaction
from django.utils import timezone

from ingest.decisions import Decision
from ingest.models import Article, Topic

from .canonical import is_same_site
from .dedupe import Known, Seen

# How far back a topic's stories are compared: the same story rarely comes back after two months.
STORIES_KEPT, STORIES_FOR = 5_000, timedelta(days=60)


def recent_stories(topic_id: int) -> list[Known]:
    """The topic's latest approved articles: the 5,000 last decided, of two months at most."""
    lately = (
        Article.objects.filter(topic_id=topic_id, decided_at__gte=timezone.now() - STORIES_FOR)
        .approved()
        .exclude(simhash=None)
        # As its index has them: whatever else the topic has is not read.
        .order_by("-decided_at")[:STORIES_KEPT]
    )
    # Four columns in one row: 5,000 rows would take longer to hand over than to find.
    columns = lately.aggregate(
        **{name: ArrayAgg(name, default=[]) for name in ("id", "simhash", "canonical_url", "declared_url")}
    )
    addresses = map(addresses_of, columns["canonical_url"], columns["declared_url"])
    return list(map(Known, columns["id"], columns["simhash"], addresses))


def addresses_of(canonical_url: str, declared_url: str) -> set[str]:
    """Under which addresses an article is known: its own, and the one it claims if that is of the same site.

    Otherwise the first to claim a newspaper's address would have the newspaper's own article taken for a copy.
    """
    if declared_url and declared_url != canonical_url and is_same_site(canonical_url, declared_url):
        return {canonical_url, declared_url}
    return {canonical_url}


def lock_roots(ids: Collection[int]) -> set[int]:
    """Those of the articles `ids` that are approved, and stay so until the transaction ends."""
    if not ids:
        return set()
    roots = Article.objects.filter(pk__in=ids).approved().order_by("pk").select_for_update(no_key=True, of=["self"])
    return set(roots.values_list("pk", flat=True))


def mend_clusters(topic: Topic, *, run_id: UUID | None = None) -> int:
    """Find a new root for every story whose root is gone or no longer approved. Says how many became one.

    To be called after the decisions of the topic's articles have changed. The best duplicate that passes the topic's
    thresholds by its kept scores takes the root's place, read if the root was; the others point to it. Those that do
    not pass are decided by their scores. Called twice, it changes nothing.
    """
    promoted = 0
    with transaction.atomic():
        # One mender at a time: two would each promote another duplicate.
        Topic.objects.select_for_update(no_key=True).get(pk=topic.pk)
        orphans = (
            Article.objects.filter(topic_id=topic.pk, decision=Decision.DUPLICATE)
            .exclude(duplicate_of__decision=Decision.APPROVED)
            .select_related("duplicate_of")
            .defer("text", "duplicate_of__text")
            .select_for_update(of=["self"])
        )
        best_first = sorted(orphans, key=lambda one: (-(one.quality or 0.0), -(one.relevance or 0.0), one.pk))
        if not best_first:
            return 0
        seen = Seen(recent_stories(topic.pk))
        now = timezone.now()
        for orphan in best_first:
            changes = _decide_anew(orphan, topic, seen)
            if changes["decision"] == Decision.APPROVED:
                promoted += 1
                seen.add(_known(orphan))
                if orphan.duplicate_of is not None and orphan.read_at is None:
                    changes["read_at"] = orphan.duplicate_of.read_at
            if changes["decision"] != Decision.DUPLICATE:
                changes |= {"decided_at": now, "run": run_id}
            Article.objects.filter(pk=orphan.pk).update(**changes)
    return promoted


def _decide_anew(orphan: Article, topic: Topic, seen: Seen) -> dict[str, Any]:
    """What becomes of a duplicate without a root, by the scores it has."""
    reasons = {key: value for key, value in orphan.reasons.items() if key != "duplicate"}
    changes: dict[str, Any] = {"duplicate_of": None, "reasons": reasons}
    if (orphan.relevance or 0.0) < topic.relevance_threshold:
        return changes | {"decision": Decision.FILTERED_RELEVANCE}
    if (orphan.quality or 0.0) < topic.quality_threshold:
        return changes | {"decision": Decision.REJECTED_QUALITY}
    known = _known(orphan)
    twin = seen.twin_of(orphan.simhash, {*known.addresses, orphan.declared_url} - {""})
    if twin is not None:
        reasons["duplicate"] = {"by": twin.by, "distance": twin.distance}
        return changes | {"decision": Decision.DUPLICATE, "duplicate_of": twin.id}
    return changes | {"decision": Decision.APPROVED}


def _known(article: Article) -> Known:
    addresses = addresses_of(article.canonical_url, article.declared_url)
    return Known(id=article.pk, simhash=article.simhash, addresses=addresses)
